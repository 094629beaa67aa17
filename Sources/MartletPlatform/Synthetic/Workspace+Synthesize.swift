internal import Dispatch
package import MartletCore
internal import MartletQuery
package import MartletSynth
internal import MartletTables
internal import Synchronization

/// What was generated, and how long that took with the writing.
package struct SynthesisReport: Sendable {
    package let summary: PaymentSummary
    package let output: String
    package let seconds: Double
}

/// Writes synthetic payments to a `.parquet`, `.jsonl` or `.csv` file. Needs no repository.
/// - Throws: `invalidSettings`, `limitExceeded`, `diskFull`; then no file is left.
package func synthesizePayments(
    _ settings: PaymentSettings, to output: String, time: any TimeSource = SystemTimeSource(),
    progress: any ProgressReporter = SilentProgress()
) throws -> SynthesisReport {
    let engine = try QueryEngine(QuerySettings(threads: settings.threads))
    return try synthesize(settings, output, time, progress) { source in
        try writeRows(source, to: output, engine)
    }
}

extension Workspace {
    /// Writes synthetic payments to a table of the workspace, such as `bronze.synthetic`.
    package func synthesizePayments(
        _ settings: PaymentSettings, toTable name: String, progress: any ProgressReporter = SilentProgress()
    ) throws -> SynthesisReport {
        let table = try table(TableName(parsing: name))
        return try synthesize(settings, name, time, progress) { source in
            let connection = try engine.connect()
            try connection.register("generated", source)
            try table.append("SELECT * FROM generated", on: connection)
        }
    }
}

/// Runs the generator on threads of its own while `write` takes the rows.
private func synthesize(
    _ settings: PaymentSettings, _ output: String, _ time: any TimeSource, _ progress: any ProgressReporter,
    _ write: (RowSource) throws -> Void
) throws -> SynthesisReport {
    let started = time.monotonicNanoseconds()
    let generator = try PaymentGenerator(settings: settings)
    let summary = Mutex(PaymentSummary())
    let pipe = BatchPipe(capacity: 4)
    let making = DispatchGroup()
    let begun = Mutex(false)
    let source = RowSource(schema: generator.schema, rowCount: settings.rows) {
        // Made when the first scan begins: whoever only asks for the columns must not start the generator.
        let isFirst = begun.withLock { begun in
            defer { begun = true }
            return !begun
        }
        precondition(isFirst, "generated rows are read once")
        startThread(group: making) {
            do {
                try generator.forEachBatch { index, batch in
                    let rows = generator.rows(ofBatch: index)
                    summary.withLock { $0.add(batch, firstRow: rows.lowerBound) }
                    try pipe.push(batch)
                    progress.report("generate payments", done: rows.upperBound, total: settings.rows)
                }
                pipe.finish()
            } catch {
                pipe.finish(error)
            }
        }
        return pipe
    }
    defer {
        pipe.abandon()
        making.wait()
    }
    try write(source)
    return SynthesisReport(
        summary: summary.withLock { $0 }, output: output,
        seconds: Double(time.monotonicNanoseconds() &- started) / 1e9)
}
