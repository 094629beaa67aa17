internal import MartletCore
internal import MartletFeatures

/// The point-in-time join of ten features, ttl of seven days, from Parquet to columns in memory.
///
/// Options: --history FILE --labels FILE [--runs N] [--threads N] [--out FILE]
func runLatest(_ arguments: BenchArguments) throws -> BenchReport {
    let files = (history: try arguments.text("history"), labels: try arguments.text("labels"))
    let runs = try arguments.number("runs", default: 7)
    let threads = try arguments.number("threads", default: processorCount)
    let reader = try ParquetReader()
    var report = BenchReport()

    let answer = try report.time("parquet_seconds", times: runs) {
        try join(history: files.history, labels: files.labels, reader: reader, threads: threads)
    }
    report.count("rows", answer.rowCount)
    report.count("filled", answer.rowCount - (try answer.column("f0").nullCount))
    if let path = arguments.optionalText("out") { try reader.write(answer, to: path) }

    return report
}

/// The join alone, its inputs in memory: for each label the row of its entity.
///
/// Options: --history FILE --labels FILE [--runs N] [--threads N]
func runLatestInMemory(_ arguments: BenchArguments) throws -> BenchReport {
    let threads = try arguments.number("threads", default: processorCount)
    let reader = try ParquetReader()
    let history = try reader.read(try arguments.text("history"), ["user_id", "event_timestamp", "created"])
    let labels = try reader.read(try arguments.text("labels"), ["user_id", "event_timestamp"])
    var report = BenchReport()
    let rows = try report.time("memory_seconds", times: try arguments.number("runs", default: 5)) {
        try matchingRows(history: history, labels: labels, threads: threads)
    }
    report.count("filled", rows.count { $0 >= 0 })
    report.count("threads", threads)
    return report
}

private func matchingRows(history: RecordBatch, labels: RecordBatch, threads: Int) throws -> [Int32] {
    let index = try EntityIndex([try history.column("user_id")], threads: threads)
    let events = EventColumns(
        ids: index.ids, eventTimes: try history.times("event_timestamp"), arrivalTimes: try history.times("created"))
    let moments = LabelColumns(
        ids: try index.lookup([try labels.column("user_id")], threads: threads),
        times: try labels.times("event_timestamp"))
    return try latestRows(labels: moments, events: events, ttl: .days(7), threads: threads)
}

/// Two passes over the file: key and times first, then the features of the chosen rows only. Decoding is the same;
/// copying a million rows out to keep a tenth of them is what costs.
private func join(history: String, labels: String, reader: ParquetReader, threads: Int) throws -> RecordBatch {
    let labels = try reader.read(labels)
    let keys = try reader.read(history, ["user_id", "event_timestamp", "created"])
    let rows = try matchingRows(history: keys, labels: labels, threads: threads)

    var places = [Int32](repeating: -1, count: keys.rowCount)
    var wanted: [Int64] = []
    for row in rows where row >= 0 && places[Int(row)] < 0 {
        places[Int(row)] = 0
        wanted.append(Int64(row))
    }
    let chosen = try reader.read(history, rows: wanted, features)
    guard case .int64(let numbers) = try chosen.column("file_row_number").values else { return labels }
    for (place, row) in numbers.enumerated() { places[Int(row)] = Int32(place) }
    let order = rows.map { $0 < 0 ? -1 : places[Int($0)] }
    return try features.reduce(labels) { batch, name in
        batch.appending(name, try chosen.column(name).gathering(order, threads: threads))
    }
}

private let features = (0..<10).map { "f\($0)" }
