import MartletCore
import MartletHTTP
import MartletOnline
import MartletServer
import Testing

@Suite("/get-online-features")
struct OnlineFeaturesTests {
    private let epoch = "\"1970-01-01T00:00:00Z\""

    @Test("answers exactly as Feast does, in the order asked")
    func wireContract() throws {
        let answer = try TestServer().answer(
            #"{"features":["driver_stats:conv_rate","driver_stats:avg_daily_trips"],"#
                + #""entities":{"driver_id":[1001,9999]}}"#
        )
        #expect(answer.status == 200)
        #expect(
            answer.text == #"{"results":["#
                + #"{"values":[1001,9999],"statuses":["PRESENT","PRESENT"],"#
                + #""event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]},"#
                + #"{"values":[0.08548096567392349,null],"statuses":["PRESENT","NOT_FOUND"],"#
                + #""event_timestamps":["2026-11-20T00:00:00Z","1970-01-01T00:00:00Z"]},"#
                + #"{"values":[562,null],"statuses":["PRESENT","NOT_FOUND"],"#
                + #""event_timestamps":["2026-11-20T00:00:00Z","1970-01-01T00:00:00Z"]}],"#
                + #""metadata":{"feature_names":["driver_id","conv_rate","avg_daily_trips"]}}"#)
    }

    /// The values of one output, as JSON text.
    private func values(_ answer: (status: Int, text: String), _ name: String) throws -> String {
        let json = try JSONValue(parsing: answer.text)
        let labels = try #require(json["metadata"]?["feature_names"]?.array, "\(answer.text)")
        let names = labels.map { $0.string ?? "" }
        let index = try #require(names.firstIndex(of: name), "\(names)")
        return try #require(json["results"]?.array?[index]["values"]).text
    }

    private func statuses(_ answer: (status: Int, text: String), _ index: Int) throws -> [String] {
        let json = try JSONValue(parsing: answer.text)
        let statuses = try #require(json["results"]?.array?[index]["statuses"]?.array)
        return statuses.map { $0.string ?? "" }
    }

    @Test(
        "writes each type as Feast does",
        arguments: [
            ("f_bool", "[true,false]"), ("f_int32", "[2147483647,-2147483648]"),
            ("f_int64", "[9223372036854775807,-9223372036854775808]"), ("f_float32", "[\"NaN\",0.10000000149011612]"),
            ("f_float64", "[\"Infinity\",\"-Infinity\"]"), ("f_string", #"["say \"hé\"\n",""]"#),
            ("f_bytes", "[\"Zm9v\",\"\"]"), ("f_timestamp", "[1700000000,1700000000.25]"),
        ])
    func types(feature: String, expected: String) throws {
        let answer = try TestServer().answer(
            "{\"features\":[\"everything:\(feature)\"],\"entities\":{\"id\":[\"one\",\"two\"]}}")
        #expect(answer.status == 200)
        #expect(try values(answer, feature) == expected)
    }

    @Test("says PRESENT, NULL_VALUE, NOT_FOUND and OUTSIDE_MAX_AGE")
    func statusNames() throws {
        let server = try TestServer()
        let drivers = server.answer(
            #"{"features":["driver_stats:conv_rate"],"entities":{"driver_id":[1001,1002,7,null]}}"#)
        #expect(try statuses(drivers, 1) == ["PRESENT", "NULL_VALUE", "NOT_FOUND", "NOT_FOUND"])
        #expect(try statuses(drivers, 0) == ["PRESENT", "PRESENT", "PRESENT", "NULL_VALUE"])
        #expect(try values(drivers, "conv_rate") == "[0.08548096567392349,null,null,null]")
        #expect(drivers.text.contains("\"2026-11-20T00:00:01.500Z\""))
        let pairs = server.answer(#"{"features":["pairs:v"],"entities":{"b":["x","y","z"],"a":[1,1,1]}}"#)
        #expect(try statuses(pairs, 2) == ["PRESENT", "OUTSIDE_MAX_AGE", "NOT_FOUND"])
        #expect(try values(pairs, "v") == "[7,null,null]")
        #expect(pairs.text.contains(#""feature_names":["b","a","v"]"#))
    }

    @Test(
        "coerces keys and echoes them as understood",
        arguments: [
            ("[\"1001\",1001,1001.0]", "[1001,1001,1001]", "[562,562,562]"), ("[\"-1\"]", "[-1]", "[null]"),
        ])
    func coercion(keys: String, echoed: String, found: String) throws {
        let answer = try TestServer().answer(
            "{\"features\":[\"driver_stats:avg_daily_trips\"],\"entities\":{\"driver_id\":\(keys)}}")
        #expect(try values(answer, "driver_id") == echoed)
        #expect(try values(answer, "avg_daily_trips") == found)
    }

    @Test("serves services, full names, versions and version metadata")
    func variants() throws {
        let server = try TestServer()
        func names(_ body: String) throws -> [String] {
            let answer = server.answer(body)
            let json = try JSONValue(parsing: answer.text)
            let labels = try #require(json["metadata"]?["feature_names"]?.array, "\(answer.text)")
            return labels.map { $0.string ?? "" }
        }
        let entities = #""entities":{"driver_id":[1001]}"#
        #expect(
            try names("{\"feature_service\":\"drivers\",\(entities)}") == ["driver_id", "avg_daily_trips", "conv_rate"])
        #expect(
            try names(
                "{\"feature_service\":\"drivers\",\"features\":[\"no:no\"],\"full_feature_names\":true,\(entities)}")
                == ["driver_id", "driver_stats__avg_daily_trips", "driver_stats__conv_rate"])
        #expect(
            try names("{\"features\":[\"driver_stats@v1:conv_rate\"],\"full_feature_names\":true,\(entities)}")
                == ["driver_id", "driver_stats@v1__conv_rate"])
        let old = server.answer("{\"features\":[\"driver_stats@v0:conv_rate\"],\(entities)}")
        #expect(try values(old, "conv_rate") == "[0.5]")
        let metadata = server.answer(
            "{\"features\":[\"driver_stats:conv_rate\"],\"include_feature_view_version_metadata\":true,\(entities)}")
        #expect(metadata.text.hasSuffix(#","feature_view_metadata":[{"name":"driver_stats","version":1}]}}"#))
        #expect(
            try names("{\"features\":[\"driver_stats:conv_rate\"],\"entities\":{\"driver\":[1001]}}") == [
                "driver", "conv_rate",
            ])
    }

    @Test("serves several views in one answer")
    func severalViews() throws {
        let answer = try TestServer().answer(
            #"{"features":["pairs:v","driver_stats:avg_daily_trips","everything:f_bool","driver_stats:conv_rate"],"#
                + #""entities":{"driver_id":[1001,1002],"a":[1,1],"b":["x","q"],"id":["two","one"]}}"#)
        #expect(answer.status == 200)
        #expect(try values(answer, "v") == "[7,null]")
        #expect(try values(answer, "avg_daily_trips") == "[562,-3]")
        #expect(try values(answer, "f_bool") == "[false,true]")
        #expect(try values(answer, "conv_rate") == "[0.08548096567392349,null]")
    }

    @Test(
        "refuses what a client got wrong",
        arguments: [
            ("", 422, "json_invalid"), ("{", 422, "json_invalid"), ("[]", 422, "model_attributes_type"),
            ("{}", 422, #""loc":["body","features"]"#),
            (#"{"features":["driver_stats:conv_rate"]}"#, 422, #""loc":["body","entities"]"#),
            (#"{"features":[],"entities":{"driver_id":[1]}}"#, 422, "too_short"),
            (#"{"features":[1],"entities":{"driver_id":[1]}}"#, 422, "string_type"),
            (#"{"features":"x","entities":{"driver_id":[1]}}"#, 422, "list_type"),
            (#"{"features":["conv_rate"],"entities":{"driver_id":[1]}}"#, 422, #""loc":["body","features",0]"#),
            (#"{"features":["a@x:b"],"entities":{"driver_id":[1]}}"#, 422, #""loc":["body","features",0]"#),
            (#"{"features":["driver_stats:conv_rate"],"entities":{}}"#, 422, "too_short"),
            (#"{"features":["driver_stats:conv_rate"],"entities":{"driver_id":[]}}"#, 422, "too_short"),
            (#"{"features":["driver_stats:conv_rate"],"entities":[]}"#, 422, "dict_type"),
            (#"{"features":["driver_stats:conv_rate"],"entities":{"driver_id":5}}"#, 422, "list_type"),
            (
                #"{"features":["driver_stats:conv_rate"],"entities":{"driver_id":["abc"]}}"#, 422,
                #""loc":["body","entities","driver_id",0]"#
            ),
            (
                #"{"features":["driver_stats:conv_rate"],"entities":{"driver_id":[1,true]}}"#, 422,
                #""loc":["body","entities","driver_id",1]"#
            ),
            (#"{"features":["driver_stats:conv_rate"],"entities":{"driver_id":[1.5]}}"#, 422, "int_parsing"),
            (
                #"{"features":["driver_stats:conv_rate"],"entities":{"driver_id":[99999999999999999999]}}"#, 422,
                "json_invalid"
            ),
            (#"{"features":["everything:f_bool"],"entities":{"id":[1]}}"#, 422, "string_type"),
            (#"{"features":["pairs:v"],"entities":{"a":[1]}}"#, 422, #""loc":["body","entities","b"]"#),
            (#"{"features":["pairs:v"],"entities":{"a":[1],"b":["x","y"]}}"#, 422, "differ in length"),
            (
                #"{"features":["driver_stats:conv_rate"],"entities":{"driver_id":[1],"drivr":[1]}}"#, 422,
                "extra_forbidden"
            ),
            (
                #"{"features":["driver_stats:conv_rate"],"entities":{"driver_id":[1]},"full_feature_names":1}"#, 422,
                "bool_type"
            ),
            (#"{"feature_service":7,"entities":{"driver_id":[1]}}"#, 422, "string_type"),
            (
                #"{"features":["driver_stats:conv_rate","driver_stats:conv_rate"],"entities":{"driver_id":[1]}}"#, 422,
                "twice"
            ),
            (
                #"{"features":["driver_stats:conv_rate","driver_stats@v0:conv_rate"],"entities":{"driver_id":[1]}}"#,
                422,
                "full_feature_names"
            ),
            (
                #"{"features":["driver_stat:conv_rate"],"entities":{"driver_id":[1]}}"#, 404,
                "FeatureViewNotFoundException"
            ),
            (
                #"{"features":["driver_stats@v9:conv_rate"],"entities":{"driver_id":[1]}}"#, 404,
                "FeatureViewNotFoundException"
            ),
            (#"{"features":["driver_stats:conv_rat"],"entities":{"driver_id":[1]}}"#, 404, "did you mean conv_rate?"),
            (#"{"feature_service":"driver","entities":{"driver_id":[1]}}"#, 404, "FeatureServiceNotFoundException"),
        ] as [(String, Int, String)])
    func clientFaults(body: String, status: Int, part: String) throws {
        let answer = try TestServer().answer(body)
        #expect(answer.status == status, "\(answer.text)")
        #expect(answer.text.contains(part), "\(answer.text)")
    }

    @Test("gives errors in the shape from which Feast's client makes its exceptions")
    func errorShape() throws {
        let answer = try TestServer().answer(#"{"features":["nothing:x"],"entities":{"driver_id":[1]}}"#)
        guard case .string(let text) = try JSONValue(parsing: answer.text) else {
            Issue.record("no JSON string: \(answer.text)")
            return
        }
        let inner = try JSONValue(parsing: text)
        #expect(inner["module"]?.string == "feast.errors")
        #expect(inner["class"]?.string == "FeatureViewNotFoundException")
        #expect(inner["message"]?.string == "Feature view nothing does not exist")
    }

    @Test("has limits with names")
    func limits() throws {
        let server = try TestServer {
            $0.keyLimit = 3
            $0.featureLimit = 1
        }
        let fits = server.answer(#"{"features":["driver_stats:conv_rate"],"entities":{"driver_id":[1,2,3]}}"#)
        #expect(fits.status == 200)
        let keys = server.answer(#"{"features":["driver_stats:conv_rate"],"entities":{"driver_id":[1,2,3,4]}}"#)
        #expect(keys.status == 422)
        #expect(keys.text.contains("at most 3 items (key limit)"))
        let features = server.answer(
            #"{"features":["driver_stats:conv_rate","pairs:v"],"entities":{"driver_id":[1]}}"#)
        #expect(features.status == 422)
        #expect(features.text.contains("at most 1 items (feature limit)"))
    }

    @Test("a bounded plan cache answers the same as a fresh one")
    func planCache() throws {
        let server = try TestServer { $0.planLimit = 2 }
        let bodies = ["f_bool", "f_int32", "f_string", "f_bytes"].map {
            "{\"features\":[\"everything:\($0)\"],\"entities\":{\"id\":[\"one\"]}}"
        }
        let first = bodies.map { server.answer($0).text }
        for _ in 0..<3 { #expect(bodies.map { server.answer($0).text } == first) }
        #expect(Set(first).count == 4)
    }

    @Test("a replaced catalog serves from the next request on")
    func liveReload() throws {
        let server = try TestServer()
        let body = #"{"features":["driver_stats:conv_rate"],"entities":{"driver_id":[1001]}}"#
        #expect(try values(server.answer(body), "conv_rate") == "[0.08548096567392349]")
        server.server.replaceCatalog(ServingCatalog(views: [TestServer.oldDriverStats]))
        #expect(try values(server.answer(body), "conv_rate") == "[0.5]")
        server.server.replaceCatalog(.empty)
        #expect(server.answer(body).status == 404)
        server.server.replaceCatalog(TestServer.catalog)
        #expect(try values(server.answer(body), "conv_rate") == "[0.08548096567392349]")
    }

    @Test("a value loaded is served at once, and one later than now is refused")
    func freshness() throws {
        let server = try TestServer()
        let body = #"{"features":["driver_stats:avg_daily_trips"],"entities":{"driver_id":[5]}}"#
        func load(_ time: Timestamp) throws {
            try server.load(
                TestServer.driverStats,
                LatestValues(
                    keys: [Column(.int64([5]))], features: [Column(.float32([1])), Column(.int64([55]))],
                    eventTimes: [time.microseconds]))
        }
        #expect(try values(server.answer(body), "avg_daily_trips") == "[null]")
        try load(TestServer.now)
        #expect(try values(server.answer(body), "avg_daily_trips") == "[55]")
        try load(TestServer.now + TimeSpan(microseconds: 1))
        let answer = server.answer(body)
        #expect(answer.status == 409)
        #expect(!answer.text.contains("results"))
    }

    private func isJSON(_ text: String) -> Bool {
        Array(text.utf8).withUnsafeBytes { bytes in
            do {
                _ = try JSONDocument(parsing: bytes)
                return true
            } catch {
                return false
            }
        }
    }

    @Test("survives mangled requests with a 4xx or a whole answer", arguments: [UInt64(1), 2, 3])
    func mangled(seed: UInt64) throws {
        let server = try TestServer()
        var random = SeededRandom(seed: seed)
        let text =
            #"{"features":["pairs:v","driver_stats@v0:conv_rate"],"full_feature_names":true,"entities":"#
            + #"{"a":[1,"2",null],"b":["x","é\u00e9",null],"driver_id":[1001,1.0,-5]}}"#
        let whole = Array(text.utf8)
        #expect(server.answer(whole).status == 200)
        for _ in 0..<1_000 {
            var body = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<body.count, using: &random)
                switch random.next() % 4 {
                case 0: body[place] = UInt8.random(in: 0...255, using: &random)
                case 1: body.remove(at: place)
                case 2: body.insert(Array(#"[]{},:"0n\"#.utf8).randomElement(using: &random)!, at: place)
                default: body.removeSubrange(place..<min(body.count, place + 5))
                }
                if body.isEmpty { body = whole }
            }
            let answer = server.answer(body)
            #expect([200, 404, 422].contains(answer.status), "seed \(seed): \(answer.status)")
            #expect(isJSON(answer.text), "seed \(seed)")
        }
    }
}
