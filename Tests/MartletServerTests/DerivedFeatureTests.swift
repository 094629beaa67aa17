import MartletCore
import MartletDefinitions
import MartletFeatures
import MartletHTTP
import MartletOnline
import MartletServer
import Testing

@Suite("Derived features over HTTP")
struct DerivedFeatureTests {
    private static let definitions = """
        entity: driver
        key: driver_id
        type: int64
        ---
        source: trips
        columns: {driver_id: int64, rate: float32, trips: int64, at: timestamp}
        event_time: at
        ---
        features: driver_stats
        entity: driver
        source: trips
        latest: {conv_rate: rate, avg_daily_trips: trips}
        ---
        features: offer
        request: {price: float64, asked: timestamp, kind: string}
        derived:
          per_trip: price / driver_stats.avg_daily_trips
          rate: coalesce(driver_stats.conv_rate, 0.5)
          is_night: hour(asked) >= 22 or hour(asked) < 6
          label: concat(kind, ':', string(per_trip > 1))
        """

    private func server() throws -> TestServer {
        let text = RepositoryText(checking: [.init(path: "a.yaml", text: Self.definitions)]) {
            .failure(MartletError(.notFound, "no file \($0)"))
        }
        #expect(text.faults.isEmpty, "\(text.faults)")
        var derived: [DerivedView] = []
        for case .features(let view) in text.definitions where view.isDerived {
            derived.append(try DerivedView(view, version: 4))
        }
        let server = try TestServer()
        server.server.replaceCatalog(
            ServingCatalog(
                views: [TestServer.driverStats], derivedViews: derived,
                services: ["offers": ["per_trip", "is_night"].map { FeatureReference(view: "offer", feature: $0) }],
                entityKeys: ["driver": "driver_id"]))
        return server
    }

    @Test("take request values from the entities, which the answer leaves out")
    func answer() throws {
        let answer = try server().answer(
            """
            {"features": ["offer:per_trip", "driver_stats:avg_daily_trips", "offer:rate", "offer:label"],
             "entities": {"driver_id": [1001, 1002, 9], "price": [1124, 6.0, 2], "kind": ["a", "é", null]}}
            """)
        #expect(answer.status == 200)
        let epochs = Array(repeating: "\"1970-01-01T00:00:00Z\"", count: 3).joined(separator: ",")
        #expect(
            answer.text == """
                {"results":[{"values":[1001,1002,9],"statuses":["PRESENT","PRESENT","PRESENT"],"event_timestamps":\
                [\(epochs)]},{"values":[2.0,-2.0,null],"statuses":["PRESENT","PRESENT","NULL_VALUE"],\
                "event_timestamps":[\(epochs)]},{"values":[562,-3,null],"statuses":["PRESENT","PRESENT",\
                "NOT_FOUND"],"event_timestamps":["2026-11-20T00:00:00Z","2026-11-20T00:00:01.500Z",\
                "1970-01-01T00:00:00Z"]},{"values":\
                [0.08548096567392349,0.5,0.5],"statuses":["PRESENT","PRESENT","PRESENT"],"event_timestamps":\
                [\(epochs)]},{"values":["a:true","é:false",null],"statuses":["PRESENT","PRESENT","NULL_VALUE"],\
                "event_timestamps":[\(epochs)]}],"metadata":{"feature_names":["driver_id","per_trip",\
                "avg_daily_trips","rate","label"]}}
                """)
    }

    @Test("of a service need only what its features need, and full names and versions if asked for")
    func service() throws {
        let answer = try server().answer(
            """
            {"feature_service": "offers", "full_feature_names": true, "include_feature_view_version_metadata": true,
             "entities": {"driver": [1001], "price": [281], "asked": ["2026-05-01T23:30:00Z"]}}
            """)
        #expect(answer.status == 200)
        #expect(answer.text.contains("[\"driver\",\"offer__per_trip\",\"offer__is_night\"]"))
        #expect(answer.text.contains("{\"values\":[0.5]"))
        #expect(answer.text.contains("{\"values\":[true]"))
        #expect(answer.text.contains("{\"name\":\"offer\",\"version\":4}"))
    }

    @Test("of request values alone need no entity")
    func requestOnly() throws {
        let answer = try server().answer(
            "{\"features\": [\"offer:is_night\"], \"entities\": {\"asked\": [\"2026-05-01T12:00:00Z\", 1777032000]}}")
        #expect(answer.status == 200)
        #expect(answer.text.hasPrefix("{\"results\":[{\"values\":[false,false]"))
        #expect(answer.text.hasSuffix("\"metadata\":{\"feature_names\":[\"is_night\"]}}"))
    }

    @Test(
        "refuse what is missing or does not fit",
        arguments: [
            ("offer:per_trip", "{\"driver_id\": [1]}", 422, "Field required: the request value price"),
            ("offer:per_trip", "{\"driver_id\": [1], \"price\": [\"x\"]}", 422, "Input should be a valid float64"),
            ("offer:per_trip", "{\"driver_id\": [1], \"prize\": [1]}", 422, "did you mean price?"),
            ("offer:per_trip", "{\"price\": [1]}", 422, "Field required: the join key driver_id"),
            ("offer:per_tripp", "{\"driver_id\": [1]}", 404, "did you mean per_trip?"),
            ("offer@v3:per_trip", "{\"driver_id\": [1]}", 404, "offer@v3 does not exist"),
            ("ofer:per_trip", "{\"driver_id\": [1]}", 404, "did you mean offer?"),
        ])
    func refused(feature: String, entities: String, status: Int, message: String) throws {
        let answer = try server().answer("{\"features\": [\"\(feature)\"], \"entities\": \(entities)}")
        #expect(answer.status == status)
        #expect(answer.text.contains(message), "\(answer.text)")
    }
}
