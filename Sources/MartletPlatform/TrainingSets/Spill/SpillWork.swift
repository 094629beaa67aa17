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
        let rows = try rowsNeeded(by: part)
        let eventCount = try count(rows, [])
        let eventBytes = eventCount * member.eventBytes
        if let rows, eventBytes > limit {
            let pieces = min(64, eventBytes * 5 / 4 / limit + 2)
            let largest = try largestKey(of: rows) * member.eventBytes
            if largest > keyBytesMax || (eventBytes > max(limit, largest) && part.depth == Self.depthMax) {
                // Fewer labels, lying close together, need fewer of a key's events.
                let bounds = try timeBounds(part, pieces)
                if bounds.isEmpty { throw try tooLarge(rows, largest) }
                return try together(part.byTimes(bounds))
            }
            if eventBytes > max(limit, largest) { return try together(part.byKeys(hash, pieces)) }
        }
        let oneLabelBytes = member.labelBytes(eventCount: Int64(eventCount))
        let labelBytes = labelCount * oneLabelBytes
        // Labels can always be cut, whatever their keys: a quarter of the part is theirs.
        if labelBytes > max(limit / 4, oneLabelBytes) {
            return try together(part.byLabels(min(64, labelBytes * 4 / limit + 2)))
        }
        return try computed(part, rows)
    }

    /// What the rows of one key may cost where they cannot be cut.
    private var keyBytesMax: Int { run.budget.bytes * 6 / 10 }

    /// The rows of the part's events as SQL that can follow FROM; nil where there are none.
    private func rowsNeeded(by part: SpillPart) throws -> String? {
        guard let events else { return nil }
        let keys = SpillPart.condition(part.keyConditions)
        guard part.isOfSomeTime else { return "(SELECT * FROM \(events) WHERE \(keys))" }
        let span = try run.connection.query("SELECT min(t), max(t) FROM \(labelRows(of: part))")
        guard case .timestamp(let first) = span.columns[0].values, case .timestamp(let last) = span.columns[1].values
        else { preconditionFailure("a label has a time") }
        return try query.rowsNeeded(
            of: events, where: keys,
            at: Timestamp(microseconds: first[0])...Timestamp(microseconds: last[0]),
            anyAge: run.plan.request.keepsOnlyKnownEntities)
    }

    private func labelRows(of part: SpillPart) -> String {
        "\(labels ?? "") WHERE \(SpillPart.condition(part.keyConditions + part.labelConditions))"
    }

    /// Times that divide the part's labels into about as many equal pieces; empty where all have one time.
    private func timeBounds(_ part: SpillPart, _ count: Int) throws -> [Timestamp] {
        let found = try run.connection.query(
            """
            WITH pieces AS (SELECT t, ntile(\(count)) OVER (ORDER BY t) AS piece FROM \(labelRows(of: part)))
            SELECT max(t) AS bound FROM pieces GROUP BY piece UNION SELECT min(t) FROM pieces ORDER BY bound
            """)
        guard case .timestamp(let bounds) = found.columns[0].values else { preconditionFailure("a label has a time") }
        // The last piece has no end.
        return bounds.dropLast().map { Timestamp(microseconds: $0) }
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

    private func computed(_ part: SpillPart, _ events: String?) throws -> Output {
        let rows = try query.rows(
            from: events ?? "(SELECT \(query.columnList()) FROM (\(query.sql)) LIMIT 0)", run.connection, where: nil,
            withInputs: true)
        let labelKeys = query.keys.indices.map { ", c\($0)" }.joined()
        let wanted = try run.connection.query(
            "SELECT r, t\(labelKeys) FROM \(labelRows(of: part)) ORDER BY r")
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
        let name = "\(part.name).columns"
        try SpillFile(path: run.folder.file(name)).write(
            result.columns + (result.isKnown.map { [Column(.bool($0))] } ?? []), numbers: numbers,
            sliceRows: run.layout.sliceRows, sliceCount: run.layout.sliceCount)
        return [name]
    }

    private func count(_ relation: String?, _ conditions: [String]) throws -> Int {
        guard let relation else { return 0 }
        let text = "SELECT count(*) FROM \(relation) WHERE \(SpillPart.condition(conditions))"
        return Int(try run.connection.value(text).number ?? 0)
    }

    /// How many rows the key with the most has.
    private func largestKey(of rows: String) throws -> Int {
        Int(try run.connection.value("SELECT coalesce(max(n), 0) FROM \(rowsOfKeys(rows))").number ?? 0)
    }

    private func rowsOfKeys(_ rows: String) -> String {
        let keys = query.keys.indices.map { "c\($0)" }.joined(separator: ", ")
        return "(SELECT count(*) AS n FROM \(rows) GROUP BY \(keys))"
    }

    private func tooLarge(_ rows: String, _ largest: Int) throws -> MartletError {
        let found = try run.connection.query(
            """
            SELECT count_if(n * \(member.eventBytes) > \(keyBytesMax)), count(*)
            FROM \(rowsOfKeys(rows))
            """)
        let (large, all) = (found.columns[0][0].number ?? 0, found.columns[1][0].number ?? 0)
        let neededMebibytes = ((largest * 10 / 6) >> 20) + 1
        return MartletError(
            .limitExceeded,
            "features \(member.view.about.name): the rows that labels of one time need take more memory than "
                + "limits.memory allows, those of \(Int(large)) of \(Int(all)) entities each by itself",
            fix: "raise limits.memory in martlet.yaml to \(neededMebibytes)MiB, shorten the windows, or leave such "
                + "entities out with `where`")
    }
}
