import FoundationEssentials
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
        aggregates: {clicks: count, amount_sum: sum(amount)}
        ---
        features: newest
        entity: user
        source: clicks
        latest: {last_amount: amount}
        ---
        service: both
        features: [recent, newest]
        """

private let rows = """
    user,amount,at,seen
    ann,1,2026-03-01T10:10:00Z,2026-03-01T10:10:01Z
    bob,4,2026-03-01T10:30:00Z,2026-03-01T12:00:00Z

    """

private let labels =
    "user,event_timestamp\nann,2026-03-01T11:00:00Z\nbob,2026-03-01T11:00:00Z\nann,2026-03-01T11:00:00Z\n"

private let places = ["a.parquet", "a.csv", "gold.training"]

@Suite("A dataset")
struct DatasetTests {
    private let test: TestRepository

    init() throws {
        test = try TestRepository(definitions)
        try test.ingest("clicks", csv: rows)
        test.folder.write(labels, to: "labels.csv")
    }

    private func build(_ output: String, asKnown: Bool = false, labels: String = "labels.csv") throws
        -> TrainingSetRecord
    {
        try test.workspace.writeTrainingSet(
            TrainingSetRequest(service: "both", labels: test.path(labels), asKnown: asKnown),
            to: isTableName(output) ? output : test.path(output), principal: test.principal)
    }

    private func changes(_ diff: DatasetDiff) -> [String] {
        diff.columns.map { "\($0.name) \($0.change) \($0.meanShift?.description ?? "-") \($0.reasons)" }
    }

    @Test("keeps what it was made of, and a summary of each column")
    func record() throws {
        let record = try build("a.parquet")
        #expect(try test.workspace.registry.trainingSet(record.id) == record)
        #expect(
            Set(record.definitionVersions.keys) == [
                "service both", "features recent", "features newest", "entity user", "source clicks",
            ])
        #expect(record.labelDigest?.count == 64)
        #expect(record.columns.map(\.name) == ["user", "event_timestamp", "clicks_1h", "amount_sum_1h", "last_amount"])
        let sum = record.columns[3]
        #expect(sum.feature == "recent:amount_sum_1h")
        #expect(sum.nullCount == 0)
        #expect(sum.mean == 2 && sum.minimum == 1 && sum.maximum == 4)
        #expect(record.columns[0].mean == nil)
    }

    @Test("has one hash, whatever it is written as")
    func hashOfValues() throws {
        let (parquet, csv, json) = (try build("a.parquet"), try build("a.csv"), try build("a.jsonl"))
        #expect(parquet.hash == csv.hash)
        #expect(parquet.hash == json.hash)
        #expect(Set([parquet, csv, json].map(\.outputHash)).count == 3)
        let known = try build("b.parquet", asKnown: true)
        #expect(known.hash != parquet.hash)
    }

    @Test("differs from itself in nothing")
    func sameTwice() throws {
        let diff = try test.workspace.compareTrainingSets(build("a.parquet").id, build("b.parquet").id)
        #expect(diff.isEqual)
        #expect(diff.equalColumns == 5)
    }

    @Test("tells which features moved with the table, the clock, the labels and the definition")
    func diff() throws {
        let first = try build("a.parquet")
        let known = try build("b.parquet", asKnown: true)
        #expect(
            changes(try test.workspace.compareTrainingSets(first.id, known.id)) == [
                #"clicks_1h changed(rows: Optional(1)) \#(2.0 / 3 - 1) ["clock changed: as true -> as known"]"#,
                #"amount_sum_1h changed(rows: Optional(1)) \#(2.0 / 3 - 2) ["clock changed: as true -> as known"]"#,
                #"last_amount changed(rows: Optional(1)) -1.0 ["clock changed: as true -> as known"]"#,
            ])
        try test.ingest(
            "clicks", csv: "user,amount,at,seen\nann,7,2026-03-01T10:05:00Z,2026-03-01T10:05:00Z\n", name: "more.csv")
        let more = try build("c.parquet")
        let table = #"["table changed: silver.clicks version 0 -> 1, 1 rows added"]"#
        #expect(
            changes(try test.workspace.compareTrainingSets(first.id, more.id)) == [
                "clicks_1h changed(rows: Optional(2)) \(5.0 / 3 - 1) \(table)",
                "amount_sum_1h changed(rows: Optional(2)) \(20.0 / 3 - 2) \(table)",
            ])
        try test.apply(definitions.replacing("windows: [1h]", with: "windows: [30m]"))
        let changed = try build("d.parquet")
        let diff = try test.workspace.compareTrainingSets(more.id, changed.id)
        #expect(
            diff.columns.map { "\($0.name) \($0.change)" } == [
                "clicks_30m added", "amount_sum_30m added", "clicks_1h removed", "amount_sum_1h removed",
            ])
        #expect(
            diff.columns.allSatisfy { $0.reasons.contains { $0.hasPrefix("definition changed: features recent: ") } })
        test.folder.write(labels + "bob,2026-03-05T11:00:00Z\n", to: "other.csv")
        let other = try test.workspace.compareTrainingSets(changed.id, build("e.parquet", labels: "other.csv").id)
        #expect(other.columns.first?.change == .changed(rows: nil))
        #expect(other.columns.first?.reasons.first?.hasPrefix("labels changed: ") == true)
    }

    @Test("is not rebuilt from changed labels, and says which")
    func changedLabels() throws {
        let record = try build("a.parquet")
        test.folder.write(labels + "bob,2026-03-05T11:00:00Z\n", to: "labels.csv")
        let error = #expect(throws: MartletError.self) {
            try test.workspace.rebuildTrainingSet(record.id, principal: test.principal)
        }
        #expect(error?.code == .conflict)
        #expect(error?.place?.file == test.path("labels.csv"))
    }

    @Test("rebuilt elsewhere is found there, and its values are checked")
    func rebuilt() throws {
        var record = try build("a.parquet")
        _ = try test.workspace.rebuildTrainingSet(record.id, to: test.path("b.csv"), principal: test.principal)
        #expect(try test.workspace.registry.trainingSet(record.id).output == test.path("b.csv"))
        // A record whose hash is not that of its values.
        record.hash = String(record.hash.reversed())
        let wrong = try test.workspace.registry.record(record)
        let error = #expect(throws: MartletError.self) {
            try test.workspace.rebuildTrainingSet(wrong, to: test.path("c.parquet"), principal: test.principal)
        }
        #expect(error?.code == .valuesDiffer)
        #expect(!FileManager.default.fileExists(atPath: test.path("c.parquet")))
    }

    /// What could be harmed: the bytes of a file with its neighbours, or the versions of a table.
    private func state(of output: String) throws -> [String] {
        if isTableName(output) { return try test.workspace.tableHistory(output).map { "\($0.version) \($0.rows)" } }
        let names = try FileManager.default.contentsOfDirectory(atPath: test.folder.path).sorted()
        return names + ["\(test.folder.bytes(of: output))"]
    }

    @Test("rebuilt with other values leaves what was there, and says where they are", arguments: places)
    func otherValues(output: String) throws {
        var record = try build(output)
        record.hash = String(record.hash.reversed())
        record.columns[3].hash = String(record.columns[3].hash.reversed())
        let wrong = try test.workspace.registry.record(record)
        let before = try state(of: output)
        let error = #expect(throws: MartletError.self) {
            try test.workspace.rebuildTrainingSet(wrong, principal: test.principal)
        }
        #expect(error?.code == .valuesDiffer)
        #expect(error?.message.hasSuffix(", in amount_sum_1h") == true)
        #expect(try state(of: output) == before)
        #expect(try test.workspace.registry.trainingSet(wrong).outputHash == record.outputHash)
    }

    @Test("stopped while it is rebuilt leaves what was there", arguments: places)
    func stoppedRebuild(output: String) throws {
        let record = try build(output)
        let before = try state(of: output)
        let progress = CancellingProgress(at: "write")
        let error = #expect(throws: MartletError.self) {
            try test.workspace.rebuildTrainingSet(
                record.id, principal: test.principal, progress: progress, cancellation: progress.cancellation)
        }
        #expect(error?.code == .cancelled)
        #expect(try state(of: output) == before)
        #expect(try test.workspace.registry.trainingSet(record.id) == record)
    }

    @Test("rebuilt in its place has the same values there", arguments: places)
    func rebuiltInPlace(output: String) throws {
        let record = try build(output)
        let place = isTableName(output) ? output : test.path(output)
        func values() throws -> [String] {
            let rows = isTableName(output) ? try test.workspace.scan(of: output) : "'\(place)'"
            let batch = try test.workspace.engine.connect().query("SELECT * FROM \(rows)")
            return (0..<batch.rowCount).map { row in batch.columns.map { $0[row].description }.joined(separator: " ") }
        }
        let before = try values()
        #expect(before.count == 3)
        // Rows that came since do not count.
        try test.ingest(
            "clicks", csv: "user,amount,at,seen\nann,7,2026-03-01T10:05:00Z,2026-03-01T10:05:00Z\n", name: "b.csv")
        let again = try test.workspace.rebuildTrainingSet(record.id, principal: test.principal)
        #expect(again.output == place && again.hash == record.hash && again.id == record.id)
        #expect(try values() == before)
        #expect(try test.workspace.registry.trainingSet(record.id).outputHash == again.outputHash)
        if isTableName(output) { #expect(again.outputHash == "version 1") }
    }

    @Test("recorded before there were hashes of values is rebuilt and compared by its file")
    func oldRecord() throws {
        var record = try build("a.parquet")
        (record.hash, record.columns, record.labelDigest) = ("", [], nil)
        let old = try test.workspace.registry.record(record)
        let again = try test.workspace.rebuildTrainingSet(old, principal: test.principal)
        #expect(again.outputHash == record.outputHash)
        let error = #expect(throws: MartletError.self) { try test.workspace.compareTrainingSets(record.id, old) }
        #expect(error?.code == .invalidInput)
        // What is no file of that format cannot be compared.
        for output in ["gold.training", test.path("a.csv")] {
            let error = #expect(throws: MartletError.self) {
                try test.workspace.rebuildTrainingSet(old, to: output, principal: test.principal)
            }
            #expect(error?.code == .invalidInput && error?.fix == "write it as parquet, as it was")
        }
        #expect(try test.workspace.tableSummaries().allSatisfy { $0.name != "gold.training" })
    }
}

@Suite("Labels")
struct LabelInputTests {
    private func built(_ labels: String) throws -> [String] {
        let test = try TestRepository(definitions)
        try test.ingest("clicks", csv: rows)
        test.folder.write(labels, to: "labels.csv")
        let set = try test.workspace.trainingSet(
            TrainingSetRequest(service: "both", labels: test.path("labels.csv")))
        return (0..<set.rows.rowCount).map { row in
            set.rows.columns.map { $0[row].description }.joined(separator: " ")
        }
    }

    @Test("of several zones are one line of time, in any order, and kept")
    func zones() throws {
        #expect(
            try built(
                """
                user,event_timestamp
                bob,2026-03-01T12:00:00+01:00
                ann,2026-03-01T06:00:00-05:00
                ann,2026-03-01T10:10:00Z
                ann,2026-03-01T06:00:00-05:00

                """) == [
                    "bob 2026-03-01T11:00:00Z 1 4.0 4.0", "ann 2026-03-01T11:00:00Z 1 1.0 1.0",
                    "ann 2026-03-01T10:10:00Z 0 0.0 1.0", "ann 2026-03-01T11:00:00Z 1 1.0 1.0",
                ])
    }

    @Test("without a key are kept, with the features of nobody")
    func nullKeys() throws {
        #expect(
            try built("user,event_timestamp\n,2026-03-01T11:00:00Z\nann,2026-03-01T11:00:00Z\n") == [
                "null 2026-03-01T11:00:00Z 0 0.0 null", "ann 2026-03-01T11:00:00Z 1 1.0 1.0",
            ])
    }

    @Test("far in the future see what there is, and beyond the limit of time are refused")
    func future() throws {
        #expect(
            try built("user,event_timestamp\nann,2999-01-01T00:00:00Z\n") == [
                "ann 2999-01-01T00:00:00Z 0 0.0 1.0"
            ])
        let error = #expect(throws: MartletError.self) {
            try built("user,event_timestamp\nann,99999-01-01T00:00:00Z\n")
        }
        #expect(error?.code == .limitExceeded)
    }

    @Test("with NaN for an integer key are refused, in text and as numbers")
    func nanKeys() throws {
        let test = try TestRepository(
            definitions.replacing("type: string\n---", with: "type: int64\n---").replacing(
                "user: {type: string", with: "user: {type: int64"))
        try test.ingest("clicks", csv: "user,amount,at,seen\n1,1,2026-03-01T10:10:00Z,2026-03-01T10:10:01Z\n")
        test.folder.write("user,event_timestamp\nNaN,2026-03-01T11:00:00Z\n", to: "labels.csv")
        let numbers = RecordBatch([
            ("user", Column(.float64([1, .nan]))), ("event_timestamp", Column(.timestamp([0, 0]))),
        ])
        try test.workspace.writeFile(RowSource(numbers), to: test.path("labels.parquet"))
        for file in ["labels.csv", "labels.parquet"] {
            let error = #expect(throws: MartletError.self) {
                try test.workspace.trainingSet(TrainingSetRequest(service: "both", labels: test.path(file)))
            }
            #expect(error?.code == .typeMismatch, "\(file)")
        }
    }
}

extension String {
    fileprivate func replacing(_ part: String, with other: String) -> String {
        split(separator: part, omittingEmptySubsequences: false).joined(separator: other)
    }
}
