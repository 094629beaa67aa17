internal import MartletCore
internal import MartletDefinitions
internal import MartletFeatures

/// Six aggregates of each column over each of four windows, the training set in memory: from events in memory, and from
/// Parquet.
///
/// Options: --events FILE --labels FILE --columns NAME[,NAME…] [--runs N] [--threads N] [--out FILE]
func runWindows(_ arguments: BenchArguments) throws -> BenchReport {
    let files = (events: try arguments.text("events"), labels: try arguments.text("labels"))
    let runs = try arguments.number("runs", default: 7)
    let threads = try arguments.number("threads", default: processorCount)
    let reader = try ParquetReader()
    let names = try arguments.text("columns").split(separator: ",").map(String.init)
    let columnNames = ["user_id", "event_timestamp"] + names
    var report = BenchReport()

    let events = try reader.read(files.events, columnNames)
    let plan = try WindowPlan(
        aggregates: try names.flatMap { aggregates(of: $0, try events.column($0).type) },
        inputColumns: Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) }))
    let labels = try reader.read(files.labels)
    let columns = try report.time("memory_seconds", times: runs) {
        try compute(plan, names, events: events, labels: labels, threads: threads)
    }
    _ = try report.time("parquet_seconds", times: runs) {
        try compute(
            plan, names, events: try reader.read(files.events, columnNames),
            labels: try reader.read(files.labels),
            threads: threads
        ).count
    }
    report.count("rows", columns.first?.count ?? 0)
    report.count("features", columns.count)
    report.count("threads", threads)
    if let path = arguments.optionalText("out") {
        let batch = RecordBatch(Array(zip(plan.features.map(\.name), columns)))
        let number = Column(.int64((0..<Int64(batch.rowCount)).map { $0 + 1 }))
        try reader.write(batch.appending("label", number), to: path)
    }
    return report
}

private let windows: [TimeSpan] = [.hours(1), .days(1), .days(7), .days(30)]

private func aggregates(of column: String, _ type: DataType) -> [WindowAggregate] {
    [AggregateFunction.count, .sum, .mean, .min, .max, .stddev].map { function in
        WindowAggregate(
            name: "\(function.rawValue)_\(column)", function: function, column: column, columnType: type,
            windows: windows)
    }
}

private func compute(
    _ plan: WindowPlan, _ names: [String], events: RecordBatch, labels: RecordBatch, threads: Int
) throws -> [Column] {
    let index = try EntityIndex([try events.column("user_id")], threads: threads)
    return try plan.compute(
        events: EventColumns(
            ids: index.ids, eventTimes: try events.times("event_timestamp"),
            inputs: try names.map { try events.column($0) }),
        labels: LabelColumns(
            ids: try index.lookup([try labels.column("user_id")], threads: threads),
            times: try labels.times("event_timestamp")),
        threads: threads)
}
