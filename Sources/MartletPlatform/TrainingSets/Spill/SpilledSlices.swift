internal import MartletCore
internal import MartletQuery

/// The finished rows of a spilled training set in the order of the labels, slice by slice.
///
/// `@unchecked Sendable` because a scan calls its cursor under a lock, and nothing else uses the run meanwhile.
final class SpilledSlices: BatchCursor, @unchecked Sendable {
    private let run: SpilledTrainingSet
    /// Of each member, where its features lie.
    private let files: [[SpillFile]]
    private let labels: QueryStream
    /// Labels that were read and belong to later slices.
    private var ahead: RecordBatch?
    private var slice = 0

    private init(_ run: SpilledTrainingSet, _ files: [[SpillFile]]) throws {
        self.run = run
        self.files = files
        let connection = try run.engine.connect()
        try connection.execute("SET preserve_insertion_order = true")
        labels = try QueryStream(
            connection, "SELECT * FROM \(Self.labels(run))", batchRows: run.layout.sliceRows)
    }

    /// - Parameter files: of each member those of its parts.
    static func source(_ run: SpilledTrainingSet, files: [[String]]) throws -> RowSource {
        let files = files.map { $0.map { SpillFile(path: run.folder.file($0)) } }
        var fields = try run.connection.query("SELECT * FROM \(labels(run)) LIMIT 0").schema.fields
        for (member, files) in zip(run.plan.members, files) {
            var columns: [Column]?
            var slice = 0
            while columns == nil, slice < run.layout.sliceCount {
                columns = try files.lazy.compactMap { try $0.read(slice: slice) }.first
                slice += 1
            }
            guard let columns else { throw MartletError(.corruptData, "the spilled parts have no label") }
            fields += zip(member.columnNames, columns.dropFirst()).map { Field($0, $1.type) }
        }
        let isWhole = !run.plan.request.keepsOnlyKnownEntities
        let slices = try SpilledSlices(run, files)
        let empty = RecordBatch(schema: Schema(fields), columns: fields.map { Column.nulls($0.type, count: 0) })
        let schema = try run.plan.completed(empty, isKnown: nil).schema
        return RowSource(schema: schema, rowCount: isWhole ? run.plan.labels.rowCount : nil) { slices }
    }

    private static func labels(_ run: SpilledTrainingSet) -> String {
        "read_parquet(\(quotedLiteral(run.folder.file("labels.parquet"))))"
    }

    /// The labels of the next slice.
    private func nextLabels() throws -> RecordBatch? {
        if ahead == nil { ahead = try labels.next() }
        while let held = ahead, held.rowCount < run.layout.sliceRows, let more = try labels.next() {
            ahead = try .joining([held, more])
        }
        guard let held = ahead, held.rowCount > run.layout.sliceRows else {
            defer { ahead = nil }
            return ahead
        }
        ahead = try held.slice(run.layout.sliceRows..<held.rowCount)
        return try held.slice(0..<run.layout.sliceRows)
    }

    func next() throws -> RecordBatch? {
        while let labels = try nextLabels() {
            try run.cancellation.check()
            let rows = try completed(labels)
            slice += 1
            run.progress.report(
                "write", done: min(slice * run.layout.sliceRows, run.plan.labels.rowCount),
                total: run.plan.labels.rowCount)
            if rows.rowCount > 0 { return rows }
        }
        return nil
    }

    private func completed(_ labels: RecordBatch) throws -> RecordBatch {
        var columns: [(String, Column)] = zip(labels.schema.names, labels.columns).map { ($0, $1) }
        var isKnown: [Bool]?
        for (member, files) in zip(run.plan.members, files) {
            var found = try features(files, count: labels.rowCount)
            if found.count > member.columnNames.count, case .bool(let values) = found.removeLast().values {
                isKnown = isKnown.map { zip($0, values).map { $0 && $1 } } ?? values
            }
            columns += zip(member.columnNames, found)
        }
        return try run.plan.completed(RecordBatch(columns), isKnown: isKnown)
    }

    /// What the files have of the slice at hand, in the order of the labels.
    private func features(_ files: [SpillFile], count: Int) throws -> [Column] {
        let parts = try files.compactMap { try $0.read(slice: slice) }
        guard let first = parts.first, parts.allSatisfy({ $0.map(\.type) == first.map(\.type) }) else {
            throw incomplete
        }
        var order = [Int32](repeating: -1, count: count)
        var place: Int32 = 0
        for part in parts {
            guard case .int64(let numbers) = part[0].values else { throw incomplete }
            for number in numbers {
                let label = Int(number) - slice * run.layout.sliceRows
                guard order.indices.contains(label), order[label] < 0 else { throw incomplete }
                order[label] = place
                place += 1
            }
        }
        guard place == count else { throw incomplete }
        return try (1..<first.count).map { index in
            // No label is taken twice.
            try Column.joining(parts.map { $0[index] }).gathering(fitting: order)
        }
    }

    private var incomplete: MartletError {
        MartletError(.corruptData, "the spilled parts do not have each label once")
    }
}

extension RecordBatch {
    /// Some of the rows, copied.
    fileprivate func slice(_ rows: Range<Int>) throws(MartletError) -> RecordBatch {
        var slices: [Column] = []
        for column in columns { slices.append(try .joining([ColumnSlice(column, rows)])) }
        return RecordBatch(schema: schema, columns: slices)
    }
}
