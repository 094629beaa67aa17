internal import MartletCore
internal import MartletDefinitions
internal import MartletFeatures

/// Six aggregates over each of four windows, the training set in memory: from events in memory, and from Parquet.
///
/// Options: --events FILE --labels FILE [--runs N] [--threads N] [--out FILE]
func runWindows(_ arguments: BenchArguments) throws -> BenchReport {
    let files = (events: try arguments.text("events"), labels: try arguments.text("labels"))
    let runs = try arguments.number("runs", default: 7)
    let threads = try arguments.number("threads", default: processorCount)
    let reader = try ParquetReader()
    let plan = try WindowPlan(aggregates: aggregates, inputColumns: ["amount": 0])
    var report = BenchReport()

    let events = try reader.read(files.events)
    let labels = try reader.read(files.labels)
    let columns = try report.time("memory_seconds", times: runs) {
        try compute(plan, events: events, labels: labels, threads: threads)
    }
    _ = try report.time("parquet_seconds", times: runs) {
        try compute(
            plan, events: try reader.read(files.events), labels: try reader.read(files.labels), threads: threads
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

private let aggregates: [WindowAggregate] = [AggregateFunction.count, .sum, .mean, .min, .max, .stddev].map {
    function in
    WindowAggregate(
        name: function.rawValue, function: function, column: "amount", columnType: .float64, windows: windows)
}

private func compute(
    _ plan: WindowPlan, events: RecordBatch, labels: RecordBatch, threads: Int
) throws -> [Column] {
    let index = try EntityIndex([try events.column("user_id")])
    return try plan.compute(
        events: EventColumns(
            ids: index.ids, eventTimes: try events.times("event_timestamp"), inputs: [try events.column("amount")]),
        labels: LabelColumns(
            ids: try index.lookup([try labels.column("user_id")]), times: try labels.times("event_timestamp")),
        threads: threads)
}
