import MartletCore
import MartletPlatform
import MartletQuery
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
          amount_sum: {function: sum, column: amount}
        ---
        features: newest
        entity: user
        source: clicks
        ttl: 1d
        latest: {last_amount: amount}
        ---
        service: both
        features: [recent, newest]
        """

private let rows = """
    user,amount,at,seen
    ann,1,2026-03-01T10:00:00Z,2026-03-01T10:00:01Z
    ann,2,2026-03-01T10:30:00Z,2026-03-01T12:00:00Z
    bob,4,2026-03-01T10:30:00Z,2026-03-01T10:30:01Z

    """

@Suite("A training set")
struct TrainingSetTests {
    private func built(_ labels: String, _ change: (inout TrainingSetRequest) -> Void = { _ in }) throws -> [String] {
        let test = try TestRepository(definitions)
        try test.ingest("clicks", csv: rows)
        test.folder.write(labels, to: "labels.csv")
        var request = TrainingSetRequest(service: "both", labels: test.path("labels.csv"))
        change(&request)
        let set = try test.workspace.trainingSet(request)
        return (0..<set.rows.rowCount).map { row in
            set.rows.columns.map { $0[row].description }.joined(separator: " ")
        }
    }

    @Test("has exactly the label rows, in their order, duplicates and strangers too")
    func rowsKept() throws {
        let labels = """
            note,user,event_timestamp
            c,zoe,2026-03-01T11:00:00Z
            a,ann,2026-03-01T10:30:00Z
            b,ann,2026-03-01T10:30:00.000001Z
            a,ann,2026-03-01T10:30:00Z
            d,bob,2026-03-05T00:00:00Z
            """
        #expect(
            try built(labels) == [
                "c zoe 2026-03-01T11:00:00Z 0 0.0 null", "a ann 2026-03-01T10:30:00Z 1 1.0 2.0",
                "b ann 2026-03-01T10:30:00.000001Z 2 3.0 2.0", "a ann 2026-03-01T10:30:00Z 1 1.0 2.0",
                "d bob 2026-03-05T00:00:00Z 0 0.0 null",
            ])
    }

    @Test("built as known counts only what had arrived")
    func asKnown() throws {
        let labels = "user,event_timestamp\nann,2026-03-01T10:45:00Z\n"
        #expect(try built(labels) == ["ann 2026-03-01T10:45:00Z 2 3.0 2.0"])
        #expect(try built(labels) { $0.asKnown = true } == ["ann 2026-03-01T10:45:00Z 1 1.0 1.0"])
    }

    @Test("drops labels of unknown entities where that is asked for")
    func knownOnly() throws {
        let labels =
            "user,event_timestamp\nzoe,2026-03-01T11:00:00Z\nann,2026-03-01T09:00:00Z\nann,2026-03-01T11:00:00Z\n"
        #expect(try built(labels) { $0.keepsOnlyKnownEntities = true } == ["ann 2026-03-01T11:00:00Z 2 3.0 2.0"])
    }

    @Test(
        "is refused where the labels do not fit",
        arguments: [
            ("user\nann\n", "missing-column"), ("event_timestamp\n2026-03-01T00:00:00Z\n", "missing-column"),
            ("user,event_timestamp\nann,2026-03-01T00:00:00\n", "missing-time-zone"),
            ("user,event_timestamp\nann,yesterday\n", "type-mismatch"),
            ("user,event_timestamp\nann,\n", "invalid-input"),
            ("user,event_timestamp\n", "invalid-input"),
            ("user,event_timestamp,last_amount\nann,2026-03-01T00:00:00Z,1\n", "invalid-input"),
        ])
    func refused(labels: String, code: String) throws {
        let error = #expect(throws: MartletError.self) { try built(labels) }
        #expect(error?.code.name == code)
    }

    @Test("rebuilt from its record has the same bytes, whatever came since")
    func rebuild() throws {
        let test = try TestRepository(definitions)
        try test.ingest("clicks", csv: rows)
        test.folder.write("user,event_timestamp\nann,2026-03-01T11:00:00Z\n", to: "labels.csv")
        let request = TrainingSetRequest(service: "both", labels: test.path("labels.csv"))
        let first = try test.workspace.writeTrainingSet(request, to: test.path("a.parquet"), principal: test.principal)
        try test.ingest("clicks", csv: "user,amount,at,seen\nann,7,2026-03-01T10:50:00Z,\n", name: "late.csv")
        let later = try test.workspace.writeTrainingSet(request, to: test.path("b.parquet"), principal: test.principal)
        let again = try test.workspace.rebuildTrainingSet(
            first.id, to: test.path("c.parquet"), principal: test.principal)
        #expect(first.hash != later.hash)
        #expect(first.hash == again.hash)
        #expect(test.folder.bytes(of: "a.parquet") == test.folder.bytes(of: "c.parquet"))
        #expect(first.tableVersions == ["silver.clicks": 0])
    }

    @Test("is rebuilt from its own definitions after they have changed")
    func changedDefinitions() throws {
        let test = try TestRepository(definitions)
        try test.ingest("clicks", csv: rows)
        test.folder.write("user,event_timestamp\nann,2026-03-01T11:00:00Z\n", to: "labels.csv")
        let request = TrainingSetRequest(service: "both", labels: test.path("labels.csv"))
        let record = try test.workspace.writeTrainingSet(request, to: test.path("a.parquet"), principal: test.principal)
        try test.apply(definitions.split(separator: "[1h]").joined(separator: "[2h]"))
        let other = try test.workspace.writeTrainingSet(request, to: test.path("b.parquet"), principal: test.principal)
        #expect(other.columns.map(\.name).contains("clicks_2h"))
        let again = try test.workspace.rebuildTrainingSet(record.id, principal: test.principal)
        #expect(again.columns == record.columns)
        #expect(again.definitionVersions["features recent"] == 1)
        #expect(other.definitionVersions["features recent"] == 2)
    }
}
