import MartletCore
import MartletDefinitions
import MartletOnline
import MartletPlatform
import MartletRegistry
import MartletTestSupport
import Testing

private let definitions =
    clicks + """
        features: recent
        entity: user
        source: clicks
        windows: [1h]
        aggregates:
          clicks: count
          amount_mean: mean(amount)
        ---
        features: newest
        entity: user
        source: clicks
        ttl: 1d
        latest: {last_amount: amount, last_at: at}
        ---
        features: risk
        request: {price: float64, note: string, asked: timestamp}
        derived:
          over_mean: request.price / amount_mean_1h
          is_large: {expression: "over_mean > 1.5 or clicks_1h = 0", description: more than usual}
          text: concat(upper(note), '-', string(clicks_1h))
          waited: seconds_between(newest.last_at, asked)
        ---
        features: score
        derived: {points: "if(risk.is_large, 10, 1) * (recent.clicks_1h + 1)"}
        ---
        service: scored
        features: [risk, "score:points", "recent:clicks_1h"]
        """

private let rows = """
    user,amount,at,seen
    ann,1,2026-03-31T23:10:00Z,2026-03-31T23:10:01Z
    ann,0.1,2026-03-31T23:40:00Z,2026-03-31T23:50:00Z
    ann,0.2,2026-03-31T23:50:00Z,2026-04-02T00:00:00Z
    bob,4,2026-03-31T22:30:00Z,2026-03-31T22:30:01Z
    cid,,2026-03-31T23:30:00Z,2026-03-31T23:30:01Z

    """

private let users = ["ann", "bob", "cid", "zoe"]
private let prices = ["2.5", "0.3", "", "7"]
private let notes = ["é", "", "b", "c"]

@Suite("A derived feature")
struct DerivedFeatureTests {
    private func loaded() throws -> TestRepository {
        let test = try TestRepository(definitions)
        try test.ingest("clicks", csv: rows)
        _ = try test.workspace.materialize(principal: test.principal)
        return test
    }

    private func labels(_ test: TestRepository) -> String {
        let lines = zip(users, zip(prices, notes)).map { "\($0),\($1.0),\"\($1.1)\",2026-03-31T23:59:00Z" }
        let time = TestRepository.now.description
        test.folder.write(
            "user,price,note,asked,event_timestamp\n" + lines.map { "\($0),\(time)\n" }.joined(), to: "labels.csv")
        return test.path("labels.csv")
    }

    @Test("is the same in a training set and online, bit for bit, with the values that its inputs have")
    func equality() throws {
        let test = try loaded()
        let set = try test.workspace.trainingSet(
            TrainingSetRequest(service: "scored", labels: labels(test), asKnown: true))
        let online = try test.workspace.getOnline(
            ["scored"], entities: ["user": users],
            request: ["price": prices, "note": notes, "asked": users.map { _ in "2026-03-31T23:59:00Z" }])
        #expect(set.featureNames == ["over_mean", "is_large", "text", "waited", "points", "clicks_1h"])
        #expect(online.names.map { $0.split(separator: ":").last.map(String.init) } == set.featureNames)
        for (index, name) in set.featureNames.enumerated() {
            let offline = try #require(set.rows[name])
            for row in users.indices where name != "text" || !notes[row].isEmpty {
                let (left, right) = (offline[row], online.columns[index][row])
                #expect(left == right && left.description == right.description, "\(name) of \(users[row])")
                if case (.float64(let a), .float64(let b)) = (left, right) { #expect(a.bitPattern == b.bitPattern) }
            }
        }
        // The mean of 1 and 0.1: the third click had not arrived.
        #expect(set.rows["over_mean"]?[0] == .float64(2.5 / 0.55))
        #expect(set.rows["over_mean"]?[1] == .null)
        #expect(
            set.rows["is_large"].map { column in users.indices.map { column[$0] } }
                == [true, true, nil, true].map {
                    $0.map { .bool($0) } ?? .null
                })
        #expect(set.rows["text"]?[0] == .string("É-2"))
        #expect(set.rows["waited"]?[0] == .float64(1_140))
        #expect(
            set.rows["points"].map { column in users.indices.map { column[$0] } } == [30, 10, 2, 10].map { .int64($0) })
        #expect(online.statuses[0].map(\.name) == ["PRESENT", "NULL_VALUE", "NULL_VALUE", "NULL_VALUE"])
        #expect(online.eventTimes[0].allSatisfy { $0 == .epoch })
    }

    @Test("is rebuilt with the same values, also after what it reads was defined anew")
    func rebuild() throws {
        let test = try loaded()
        let first = try test.workspace.writeTrainingSet(
            TrainingSetRequest(service: "scored", labels: labels(test)), to: test.path("a.parquet"),
            principal: test.principal)
        try test.ingest("clicks", csv: "user,amount,at,seen\nann,7,2026-03-31T23:45:00Z,\n", name: "late.csv")
        let before = try test.workspace.appliedDefinitions().version(of: .init(.features, "risk"))
        try test.apply(definitions.replacing("[1h]", with: "[1h, 1d]"))
        #expect(try test.workspace.appliedDefinitions().version(of: .init(.features, "risk")) != before)
        let again = try test.workspace.rebuildTrainingSet(
            first.id, to: test.path("b.parquet"), principal: test.principal)
        #expect(first.hash == again.hash)
    }

    @Test("is the same in parts as at once")
    func parts() throws {
        let test = try loaded()
        let request = TrainingSetRequest(service: "scored", labels: labels(test))
        let whole = try test.workspace.trainingSet(request)
        let spilled = try test.workspace.trainingSet(request, memoryBytes: 1)
        #expect(whole.featureNames == spilled.featureNames && whole.rows.schema == spilled.rows.schema)
        for (left, right) in zip(whole.rows.columns, spilled.rows.columns) {
            #expect((0..<whole.rows.rowCount).allSatisfy { left[$0].description == right[$0].description })
        }
    }

    @Test("whose inputs are not listed is computed without them")
    func unlisted() throws {
        let test = try loaded()
        let answer = try test.workspace.getOnline(
            ["score:points"], entities: ["user": ["ann", "zoe"]],
            request: [
                "price": ["1", "1"]
            ])
        #expect(answer.names == ["score:points"])
        #expect(answer.columns[0][0] == .int64(30))
        #expect(answer.columns[0][1] == .int64(10))
    }

    @Test("is refused where a request value is missing or does not fit")
    func missing() throws {
        let test = try loaded()
        test.folder.write("user,event_timestamp\nann,2026-03-31T23:59:00Z\n", to: "labels.csv")
        let error = #expect(throws: MartletError.self) {
            try test.workspace.trainingSet(TrainingSetRequest(service: "scored", labels: test.path("labels.csv")))
        }
        #expect(error?.code == .missingColumn)
        #expect(error?.message.contains("price (float64), which derived features need of a request") == true)
        test.folder.write(
            "user,price,note,asked,event_timestamp\nann,much,a,2026-03-31T23:59:00Z,2026-03-31T23:59:00Z\n",
            to: "labels.csv")
        let misfit = #expect(throws: MartletError.self) {
            try test.workspace.trainingSet(TrainingSetRequest(service: "scored", labels: test.path("labels.csv")))
        }
        #expect(misfit?.code == .typeMismatch)
        for (request, code) in [
            ([:], "missing-column"), (["price": ["1", "2"]], "usage"), (["price": ["x"]], "type-mismatch"),
        ] {
            let error = #expect(throws: MartletError.self) {
                try test.workspace.getOnline(["risk:over_mean"], entities: ["user": ["ann"]], request: request)
            }
            #expect(error?.code.name == code)
        }
    }

    @Test("is explained by its expression and what that read")
    func explanation() throws {
        let test = try loaded()
        let explanation = try test.workspace.explain(
            "score:points", entity: ["user": "ann"], asKnown: true, request: ["price": "2.5"])
        #expect(explanation.value == .int64(30))
        #expect(explanation.rule == "if(risk.is_large, 10, 1) * (recent.clicks_1h + 1)")
        #expect(explanation.inputs.map(\.name) == ["risk.is_large", "recent.clicks_1h"])
        #expect(explanation.inputs.map(\.value) == [.bool(true), .int64(2)])
        #expect(explanation.tableVersions == ["silver.clicks": 0])
    }

    @Test("has nothing to load, and verify compares what it reads")
    func verify() throws {
        let test = try loaded()
        let all = try test.workspace.verify(entities: 10, times: 3)
        #expect(all.isEqual)
        #expect(all.views.map(\.name) == ["newest", "recent"])
        #expect(try test.workspace.verify(["score"], entities: 10, times: 2).views.map(\.name) == ["recent"].sorted())
        let error = #expect(throws: MartletError.self) {
            try test.workspace.materialize(["risk"], principal: test.principal)
        }
        #expect(error?.fix == "load what they read: martlet materialize newest recent")
    }
}
