internal import MartletCore
internal import MartletQuery

/// The finished rows of a spilled training set in the order of the labels, slice by slice.
///
/// `@unchecked Sendable` because a scan calls its cursor under a lock, and nothing else uses the run meanwhile.
final class SpilledSlices: BatchCursor, @unchecked Sendable {
    private let run: SpilledTrainingSet
    /// Of each member, where its features lie.
    private let files: [[String]]
    private let labels: QueryStream
    private var start = 0

    private init(_ run: SpilledTrainingSet, files: [[String]]) throws {
        self.run = run
        self.files = files
        let connection = try run.engine.connect()
        try connection.execute("SET preserve_insertion_order = true")
        // Fewer would only be more steps, but for rows with long lists and maps.
        let leastRows = max(64, min(4_096, (4 << 20) / run.plan.rowBytes))
        labels = try QueryStream(
            connection, "SELECT * FROM \(Self.relation(run, ["labels.parquet"]))",
            batchRows: max(leastRows, min(1 << 20, run.budget.sliceBytes / run.plan.rowBytes)))
    }

    static func source(_ run: SpilledTrainingSet, files: [[String]]) throws -> RowSource {
        var fields = try run.connection.query("SELECT * FROM \(relation(run, ["labels.parquet"])) LIMIT 0").schema
            .fields
        for (member, files) in zip(run.plan.members, files) {
            let features = try run.connection.query("SELECT * FROM \(relation(run, files)) LIMIT 0").schema
            for (index, name) in member.columnNames.enumerated() {
                guard let type = features["f\(index)"]?.type else {
                    throw MartletError(.corruptData, "a spilled part lacks a feature")
                }
                fields.append(Field(name, type))
            }
        }
        let isWhole = !run.plan.request.keepsOnlyKnownEntities
        let slices = try SpilledSlices(run, files: files)
        let empty = RecordBatch(schema: Schema(fields), columns: fields.map { Column.nulls($0.type, count: 0) })
        let schema = try run.plan.completed(empty, isKnown: nil).schema
        return RowSource(schema: schema, rowCount: isWhole ? run.plan.labels.rowCount : nil) { slices }
    }

    private static func relation(_ run: SpilledTrainingSet, _ files: [String]) -> String {
        "read_parquet([\(files.map { quotedLiteral(run.folder.file($0)) }.joined(separator: ", "))])"
    }

    func next() throws -> RecordBatch? {
        while let rows = try labels.next() {
            try run.cancellation.check()
            let range = start..<start + rows.rowCount
            start = range.upperBound
            let slice = try completed(rows, range)
            run.progress.report("write", done: start, total: run.plan.labels.rowCount)
            if slice.rowCount > 0 { return slice }
        }
        return nil
    }

    private func completed(_ labels: RecordBatch, _ range: Range<Int>) throws -> RecordBatch {
        var columns: [(String, Column)] = zip(labels.schema.names, labels.columns).map { ($0, $1) }
        var isKnown: [Bool]?
        for (member, files) in zip(run.plan.members, files) {
            let found = try run.connection.query(
                """
                SELECT * FROM \(Self.relation(run, files))
                WHERE r >= \(range.lowerBound) AND r < \(range.upperBound)
                """)
            guard case .int64(let numbers) = found.columns[0].values, numbers.count == range.count else {
                throw MartletError(.corruptData, "the spilled parts do not have each label once")
            }
            var order = [Int32](repeating: -1, count: range.count)
            for (row, number) in numbers.enumerated() { order[Int(number) - range.lowerBound] = Int32(row) }
            for (index, name) in member.columnNames.enumerated() {
                columns.append((name, found.columns[1 + index].gathering(fitting: order)))
            }
            if let known = found["known"], case .bool(let values) = known.gathering(fitting: order).values {
                isKnown = isKnown.map { zip($0, values).map { $0 && $1 } } ?? values
            }
        }
        return try run.plan.completed(RecordBatch(columns), isKnown: isKnown)
    }
}
