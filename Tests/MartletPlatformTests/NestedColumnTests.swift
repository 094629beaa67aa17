import MartletCore
import MartletLog
import MartletPlatform
import MartletQuery
import MartletTestSupport
import Testing

private let definitions = """
    entity: user
    key: user
    type: string
    ---
    source: profiles
    columns:
      user: {type: string, nullable: false}
      marks: list<int32>
      embedding: list<float32>
      words: list<string>
      moments: list<timestamp>
      flags: list<bool>
      shares: map<string,float64>
      at: {type: timestamp, nullable: false}
    event_time: at
    arrival_time: at
    ---
    features: profile
    entity: user
    source: profiles
    latest: [marks, embedding, words, moments, flags, shares]
    ---
    features: recent
    entity: user
    source: profiles
    windows: [60d]
    aggregates:
      days: {function: last_n, column: user, n: 3}
    ---
    features: asked
    request: {word: string}
    derived:
      best: max(marks)
      first: element(embedding, 1)
      knows: contains(words, request.word)
      share: coalesce(element(shares, request.word), 0.0)
      visits: length(recent.days_60d)
    ---
    service: all
    features: [profile, asked, recent]
    """

@Suite("Lists and maps of a source")
struct NestedColumnTests {
    private static let header = "user,marks,embedding,words,moments,flags,shares,at\n"

    private func quoted(_ values: [String]) -> String {
        values.map { "\"\($0.replacing("\"", with: "\"\""))\"" }.joined(separator: ",") + "\n"
    }

    private func loaded() throws -> TestRepository {
        let test = try TestRepository(definitions)
        try test.ingest(
            "profiles",
            csv: Self.header
                + quoted([
                    "ann", "[3, \" 4 \"]", "[0.5,1e1]", #"["a","é"]"#, #"["2026-03-01T00:00:00Z"]"#, "[true,0]",
                    #"{"é":0.5,"a":1}"#, "2026-03-01T00:00:00Z",
                ]) + "bob,[],[],[],[],[],{},2026-03-02T00:00:00Z\n" + "cid,,,,,,,2026-03-03T00:00:00Z\n")
        #expect(try test.deadLetters().isEmpty)
        return test
    }

    @Test("are the same in a training set and online, and so is what is derived from them")
    func equality() throws {
        let test = try loaded()
        _ = try test.workspace.materialize(principal: test.principal)
        let users = ["ann", "bob", "cid", "zoe"]
        test.folder.write(
            "user,word,event_timestamp\n" + users.map { "\($0),é,2026-03-31T00:00:00Z\n" }.joined(), to: "labels.csv")
        let set = try test.workspace.trainingSet(TrainingSetRequest(service: "all", labels: test.path("labels.csv")))
        let online = try test.workspace.getOnline(
            ["all"], entities: ["user": users], request: ["word": users.map { _ in "é" }])
        for (index, name) in set.featureNames.enumerated() {
            let offline = try #require(set.rows[name])
            #expect((0..<4).map { offline[$0] } == (0..<4).map { online.columns[index][$0] }, "\(name)")
        }
        func values(_ name: String) -> [Value] { (0..<4).map { set.rows[name]?[$0] ?? .null } }
        #expect(values("marks") == [.list([.int32(3), .int32(4)]), .list([]), .null, .null])
        #expect(values("embedding") == [.list([.float32(0.5), .float32(10)]), .list([]), .null, .null])
        #expect(values("moments")[0] == .list([.timestamp(Timestamp(year: 2026, month: 3, day: 1))]))
        #expect(values("flags")[0] == .list([.bool(true), .bool(false)]))
        #expect(values("shares") == [.map(["a": .float64(1), "é": .float64(0.5)]), .map([:]), .null, .null])
        #expect(values("best") == [.int64(4), .null, .null, .null])
        #expect(values("first") == [.float64(0.5), .null, .null, .null])
        #expect(values("knows") == [.bool(true), .bool(false), .null, .null])
        #expect(values("share") == [.float64(0.5), .float64(0), .float64(0), .float64(0)])
        #expect(values("visits") == [.int64(1), .int64(1), .int64(1), .int64(0)])
    }

    @Test(
        "with an element that is null or does not fit are dead letters with the reason",
        arguments: [
            (1, "[1.5]", "marks: not a list<int32>"), (1, "[1,null]", "marks: not a list<int32>"),
            (1, "[2147483648]", "marks: not a list<int32>"), (1, "[1", "marks: not a list<int32>"),
            (1, "7", "marks: not a list<int32>"), (2, #"["x"]"#, "embedding: not a list<float32>"),
            (4, #"["2026-03-01T00:00:00"]"#, "moments: not a list<timestamp>"), (5, "[2]", "flags: not a list<bool>"),
            (6, "[1]", "shares: not a map<string,float64>"),
            (6, #"{"a":1,"a":2}"#, "shares: not a map<string,float64>"),
            (6, #"{"a":null}"#, "shares: not a map<string,float64>"),
        ])
    func misfits(place: Int, text: String, reason: String) throws {
        let test = try TestRepository(definitions)
        var row = ["ann", "[]", "[]", "[]", "[]", "[]", "{}", "2026-03-01T00:00:00Z"]
        row[place] = text
        try test.ingest("profiles", csv: Self.header + quoted(row))
        #expect(try test.deadLetters().map(\.reason) == [reason])
    }

    @Test("come from Parquet as lists, fixed arrays and maps of other numbers")
    func parquet() throws {
        let test = try TestRepository(definitions)
        try test.workspace.engine.connect().execute(
            """
            COPY (SELECT 'ann' AS user, [1, 2]::BIGINT[] AS marks, [1, 2.5]::DOUBLE[2] AS embedding, ['a'] AS words,
            [TIMESTAMPTZ '2026-03-01 00:00:00+00'] AS moments, [true] AS flags, MAP {'b': 1, 'a': 2} AS shares,
            TIMESTAMPTZ '2026-03-01 00:00:00+00' AS at
            UNION ALL SELECT 'bob', [NULL], [1, 2], [], NULL, NULL, MAP {'a': NULL},
            TIMESTAMPTZ '2026-03-01 00:00:00+00') TO '\(test.path("rows.parquet"))'
            """)
        _ = try test.workspace.ingest("profiles", files: [test.path("rows.parquet")], principal: test.principal)
        #expect(
            try test.deadLetters().map(\.reason)
                == ["marks: not a list<int32>; shares: not a map<string,float64>"])
        _ = try test.workspace.materialize(principal: test.principal)
        let online = try test.workspace.getOnline(
            ["profile:marks", "profile:embedding", "profile:shares", "profile:moments"], entities: ["user": ["ann"]])
        #expect(
            online.columns.map { $0[0] } == [
                .list([.int32(1), .int32(2)]), .list([.float32(1), .float32(2.5)]),
                .map(["a": .float64(2), "b": .float64(1)]),
                .list([.timestamp(Timestamp(year: 2026, month: 3, day: 1))]),
            ])
    }
}
