internal import MartletCore
internal import MartletFeatures

/// The as-of join of one value, at most seven days old: in memory, where each label gets the place of its row, and from
/// Parquet, where it gets the value.
///
/// Options: --history FILE --labels FILE [--runs N] [--threads N] [--out FILE]
func runAsOf(_ arguments: BenchArguments) throws -> BenchReport {
    let files = (history: try arguments.text("history"), labels: try arguments.text("labels"))
    let runs = try arguments.number("runs", default: 5)
    let threads = try arguments.number("threads", default: processorCount)
    let reader = try ParquetReader()
    var report = BenchReport()
    let history = try reader.read(files.history)
    let labels = try reader.read(files.labels)
    let rows = try report.time("memory_seconds", times: runs) {
        try matchingRows(history: history, labels: labels, threads: threads)
    }
    let answer = try report.time("parquet_seconds", times: runs) {
        let history = try reader.read(files.history)
        let labels = try reader.read(files.labels)
        let rows = try matchingRows(history: history, labels: labels, threads: threads)
        return labels.appending("value", try history.column("value").gathering(rows, threads: threads))
    }
    report.count("filled", rows.count { $0 >= 0 })
    report.count("threads", threads)
    if let path = arguments.optionalText("out") { try reader.write(answer, to: path) }
    return report
}

private func matchingRows(history: RecordBatch, labels: RecordBatch, threads: Int) throws -> [Int32] {
    let index = try EntityIndex([try history.column("user_id")], threads: threads)
    let events = EventColumns(ids: index.ids, eventTimes: try history.times("event_timestamp"))
    let moments = LabelColumns(
        ids: try index.lookup([try labels.column("user_id")], threads: threads),
        times: try labels.times("event_timestamp"))
    return try latestRows(labels: moments, events: events, ttl: .days(7), threads: threads)
}
