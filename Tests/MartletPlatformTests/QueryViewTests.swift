import MartletCore
import MartletPlatform
import MartletTestSupport
import Testing

/// A view over a query with features that depend on which of two rows is the later one.
private func view(_ name: String, sql: String) -> String {
    """
    features: \(name)
    entity: user
    source: clicks
    sql: \(sql)
    latest: {\(name)_tag: {column: tag, type: string}}
    ---
    features: \(name)_windows
    entity: user
    source: clicks
    sql: \(sql)
    windows: [1d]
    aggregates:
      \(name)_last: {function: last, column: tag, type: string}
      \(name)_first: {function: first, column: tag, type: string}
      \(name)_all: {function: last_n, n: 20, column: tag, type: string}
    """
}

@Suite("A view over a query")
struct QueryViewTests {
    private static let tags = ["a", "b", "c", "d", "e", "f"]

    private static func fanOut(_ tags: [String]) -> String {
        tags.map { "SELECT *, '\($0)' AS tag FROM clicks" }.joined(separator: " UNION ALL ") + "\n"
    }

    private func values(_ test: TestRepository, _ request: TrainingSetRequest) throws -> [String: [Value]] {
        let rows = try test.workspace.trainingSet(request).rows
        return Dictionary(
            uniqueKeysWithValues: zip(rows.schema.names, rows.columns).map { name, column in
                (name, (0..<rows.rowCount).map { column[$0] })
            })
    }

    @Test(
        "that gives several rows for one has the same features in whatever order they come", arguments: [false, true])
    func fanOut(asKnown: Bool) throws {
        let test = try TestRepository(
            clicks + view("up", sql: "up.sql") + "\n---\n" + view("down", sql: "down.sql")
                + "\n---\nservice: both\nfeatures: [up, up_windows, down, down_windows]\n",
            files: ["up.sql": Self.fanOut(Self.tags), "down.sql": Self.fanOut(Self.tags.reversed())])
        var rows = "user,amount,at,seen\n"
        var labels = "user,event_timestamp\n"
        for user in 0..<20 {
            // Two events at one time, and one that is older but has arrived later.
            rows += "u\(user),\(user),2026-03-01T10:00:00Z,2026-03-01T10:00:01Z\n"
            rows += "u\(user),\(user + 1),2026-03-01T10:00:00Z,2026-03-01T10:00:01Z\n"
            rows += "u\(user),7,2026-03-01T09:00:00Z,2026-03-01T11:00:00Z\n"
            labels += "u\(user),2026-03-01T10:30:00Z\n"
        }
        try test.ingest("clicks", csv: rows)
        test.folder.write(labels, to: "labels.csv")
        var request = TrainingSetRequest(service: "both", labels: test.path("labels.csv"))
        request.asKnown = asKnown
        let found = try values(test, request)
        for name in ["tag", "last_1d", "first_1d", "all_1d"] { #expect(found["up_\(name)"] == found["down_\(name)"]) }
        // One rule for latest values and windows.
        #expect(found["up_tag"] == found["up_last_1d"])
        // Positions come before it: the tags of one event stay together.
        for list in found["up_all_1d"] ?? [] {
            guard case .list(let items) = list else {
                Issue.record("a list")
                continue
            }
            #expect(items.count == (asKnown ? 12 : 18))
            for start in stride(from: 0, to: items.count, by: 6) {
                #expect(Set(items[start..<start + 6].map(\.description)) == Set(Self.tags))
            }
        }
    }

    private static let visits = """
        source: visits
        columns:
          user: {type: string, nullable: false}
          at: {type: timestamp, nullable: false}
          seen: timestamp
        event_time: at
        arrival_time: seen
        ---

        """

    @Test("whose join found no partner has rows that arrive when they happen")
    func absentPartner() throws {
        let sql = """
            SELECT c.user, c.at, c.amount, v._arrival_time, v._position
            FROM clicks AS c LEFT JOIN visits AS v ON c.user = v.user AND c.amount = 1
            """
        let test = try TestRepository(
            clicks + Self.visits + """
                features: joined
                entity: user
                source: clicks
                sql: joined.sql
                latest: {newest_amount: amount}
                """, files: ["joined.sql": sql])
        try test.ingest(
            "clicks",
            csv: """
                user,amount,at,seen
                ann,1,2026-03-01T10:00:00Z,2026-03-01T10:00:00Z
                ann,2,2026-03-01T10:00:00Z,2026-03-01T10:00:00Z
                bob,3,2026-03-01T10:00:00Z,2026-03-05T10:00:00Z
                """)
        // Ann's partner arrived before the click happened, and long after 1970.
        try test.ingest("visits", csv: "user,at,seen\nann,2026-02-01T00:00:00Z,2026-02-02T00:00:00Z\n", name: "v.csv")
        let at = Timestamp(year: 2026, month: 3, day: 1, hour: 10)
        let ann = try test.workspace.explain("joined:newest_amount", entity: ["user": "ann"], asKnown: true)
        #expect(ann.value == .float64(2))
        #expect(ann.events.map(\.arrivalTime) == [at, Timestamp(year: 2026, month: 2, day: 2)])
        #expect(ann.events.map(\.position) == [-1, 3])
        let bob = try test.workspace.explain("joined:newest_amount", entity: ["user": "bob"], asKnown: true)
        #expect(bob.value == .float64(3))
        #expect(bob.events.map(\.arrivalTime) == [at])
    }

    @Test(
        "is refused where its positions or arrival times are none",
        arguments: [
            ("9000000000000000000 AS _position", "invalid-input", "_position of its query lies beyond 2^39"),
            ("'first' AS _position", "type-mismatch", "_position of its rows is a text"),
            ("'today' AS _arrival_time", "type-mismatch", "_arrival_time of its rows is a text"),
            ("TIMESTAMP '2026-03-01 00:00:00' AS _arrival_time", "missing-time-zone", "_arrival_time"),
            ("1.5 AS _position", "type-mismatch", "_position"),
        ])
    func refused(replacement: String, code: String, words: String) throws {
        let test = try TestRepository(
            clicks + view("odd", sql: "odd.sql"),
            files: ["odd.sql": "SELECT * REPLACE (\(replacement)), 'x' AS tag FROM clicks"])
        try test.ingest("clicks", csv: "user,amount,at,seen\nann,1,2026-03-01T10:00:00Z,\n")
        let error = #expect(throws: MartletError.self) {
            try test.workspace.explain("odd:odd_tag", entity: ["user": "ann"])
        }
        #expect(error?.code.name == code)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }
}
