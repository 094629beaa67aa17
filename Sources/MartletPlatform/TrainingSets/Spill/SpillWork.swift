internal import MartletCore
internal import MartletDefinitions
internal import MartletQuery

/// The features of one view for the labels of one part, cut further where it is still too large.
struct SpillWork {
    let run: SpilledTrainingSet
    let member: TrainingMember
    let query: ViewQuery
    /// SQL over `c0, c1, …`.
    let hash: String
    /// The files of the part as SQL that can follow FROM; nil where there are no rows.
    let events: String?
    let labels: String?

    /// A key that is cut off by so many digits of its hash is alone.
    private static let depthMax = 10

    typealias Output = (files: [String], notes: [FeatureNote])

    func compute(_ part: SpillPart) throws -> Output {
        let none = [FeatureNote](repeating: FeatureNote(), count: member.features.count)
        let labelCount = try count(labels, part.keyConditions + part.labelConditions)
        guard labelCount > 0 else { return ([], none) }
        let limit = run.budget.partBytes
        let eventCount = try count(events, part.keyConditions)
        let oneLabelBytes = member.labelBytes(eventCount: Int64(eventCount))
        let labelBytes = labelCount * oneLabelBytes
        // Labels can always be cut, whatever their keys: a quarter of the part is theirs.
        if labelBytes > max(limit / 4, oneLabelBytes) {
            return try together(part.byLabels(min(64, labelBytes * 4 / limit + 2)))
        }
        let oneEventBytes = member.eventBytes(threads: run.budget.threads)
        let eventBytes = eventCount * oneEventBytes
        if eventBytes > limit {
            let largest = try largestKey(part) * oneEventBytes
            guard largest <= run.budget.bytes * 6 / 10, part.depth < Self.depthMax else { throw tooLarge }
            if eventBytes > max(limit, largest) {
                return try together(part.byKeys(hash, min(64, eventBytes * 5 / 4 / limit + 2)))
            }
        }
        return try computed(part)
    }

    private func together(_ parts: [SpillPart]) throws -> Output {
        var output: Output = ([], [FeatureNote](repeating: FeatureNote(), count: member.features.count))
        for part in parts {
            try run.cancellation.check()
            let (files, notes) = try compute(part)
            output.files += files
            output.notes = zip(output.notes, notes).map { $0 + $1 }
        }
        return output
    }

    private func computed(_ part: SpillPart) throws -> Output {
        let keys = SpillPart.condition(part.keyConditions)
        let list = (0..<query.keys.count + 3 + query.inputs.count).map { "c\($0)" }.joined(separator: ", ")
        let rows = try query.rows(
            from: events ?? "(SELECT \(list) FROM (\(query.sql)) LIMIT 0)", run.connection, where: keys,
            withInputs: true)
        let labelKeys = query.keys.indices.map { ", c\($0)" }.joined()
        let wanted = try run.connection.query(
            """
            SELECT r, t\(labelKeys) FROM \(labels ?? "") WHERE
            \(SpillPart.condition(part.keyConditions + part.labelConditions)) ORDER BY r
            """)
        guard case .int64(let numbers) = wanted.columns[0].values,
            case .timestamp(let times) = wanted.columns[1].values
        else { preconditionFailure("a label has a number and a time") }
        let task = MemberTask(member: member, goal: run.goal, threads: run.workspace.threads)
        let result = try task.run(
            ViewComputation(member.view, rows),
            MemberLabels(rows: numbers, keys: Array(wanted.columns.dropFirst(2)), times: times))
        return (try write(result, numbers, part), notes(result))
    }

    private func notes(_ result: MemberResult) -> [FeatureNote] {
        member.features.indices.map { index in
            FeatureNote(
                leakage: result.leakage.isEmpty ? LeakageCount() : result.leakage[index],
                clocks: result.clocks.isEmpty ? ClockCount() : result.clocks[index])
        }
    }

    private func write(_ result: MemberResult, _ numbers: [Int64], _ part: SpillPart) throws -> [String] {
        if result.columns.isEmpty { return [] }
        var columns = [("r", Column(.int64(numbers)))]
        columns += result.columns.enumerated().map { ("f\($0)", $1) }
        if let known = result.isKnown { columns.append(("known", Column(.bool(known)))) }
        let name = "\(part.name).parquet"
        let file = run.folder.file(name)
        try run.connection.register("part_rows", RecordBatch(columns))
        defer { try? run.connection.unregister("part_rows") }
        try run.connection.execute(
            "COPY (SELECT * FROM part_rows) TO \(quotedLiteral(file)) (FORMAT parquet, ROW_GROUP_SIZE 8192)")
        return [name]
    }

    private func count(_ relation: String?, _ conditions: [String]) throws -> Int {
        guard let relation else { return 0 }
        let text = "SELECT count(*) FROM \(relation) WHERE \(SpillPart.condition(conditions))"
        return Int(try run.connection.value(text).number ?? 0)
    }

    /// How many rows the key with the most has.
    private func largestKey(_ part: SpillPart) throws -> Int {
        guard let events else { return 0 }
        let keys = query.keys.indices.map { "c\($0)" }.joined(separator: ", ")
        let text = """
            SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM \(events)
            WHERE \(SpillPart.condition(part.keyConditions)) GROUP BY \(keys))
            """
        return Int(try run.connection.value(text).number ?? 0)
    }

    private var tooLarge: MartletError {
        MartletError(
            .limitExceeded,
            "features \(member.view.about.name): the rows of one entity take more memory than limits.memory allows",
            fix: "raise limits.memory in martlet.yaml, or leave that entity out with `where`")
    }
}
