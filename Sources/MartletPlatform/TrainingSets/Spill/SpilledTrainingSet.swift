internal import MartletCore
internal import MartletDefinitions
internal import MartletQuery

/// A training set computed part by part. Labels and the rows of each view are cut by a hash of their keys into files,
/// each part is computed by the kernels as if it were all, and the features, written beside the number of their label,
/// are put back into the order of the labels slice by slice. What is held at once is bounded by the budget.
final class SpilledTrainingSet {
    let workspace: Workspace
    let plan: TrainingSetPlan
    let budget: MemoryBudget
    let layout: SpillLayout
    let folder: SpillFolder
    let engine: QueryEngine
    let connection: QueryConnection
    let goal: MemberTask.Goal
    let progress: any ProgressReporter
    let cancellation: Cancellation
    private let name: String
    private var rowsDone = 0

    /// - Parameter clockExamples: nil for the values of a training set, else for the comparison of the clocks.
    init(
        _ workspace: Workspace, _ plan: TrainingSetPlan, _ budget: MemoryBudget, _ progress: any ProgressReporter,
        _ cancellation: Cancellation, clockExamples: Int? = nil
    ) throws {
        self.workspace = workspace
        self.plan = plan
        self.budget = budget
        self.progress = progress
        self.cancellation = cancellation
        layout = SpillLayout(plan, budget)
        goal =
            clockExamples.map { .clocks(examples: $0) }
            ?? .values(
                plan.request.asKnown ? .asKnown : .asTrue, needsKnown: plan.request.keepsOnlyKnownEntities,
                leakageStride: plan.request.revision == nil ? LeakageRule.stride(plan.labels.rowCount) : nil)
        let version = try workspace.engine.connect().value("SELECT version()").description
        let digest = try plan.digest(layout, clockExamples.map { "clocks \($0)" } ?? "values", engine: version)
        name = "\(SpillFolder.namePrefix)\(digest.prefix(16))"
        folder = SpillFolder(path: workspace.temporaryFolder(name))
        // An engine of its own: its share of the memory is part of the budget.
        engine = try QueryEngine(
            QuerySettings(
                threads: workspace.threads, memoryLimitBytes: budget.engineBytes,
                temporaryDirectory: folder.file("engine")))
        connection = try engine.connect()
    }

    /// Computes what is not there yet and lets `body` read the finished rows. The files go when that is done or
    /// cancelled; after any other end they stay for the next attempt.
    func run<T>(_ body: (RowSource) throws -> T) throws -> T {
        try running {
            let features = try computeAll()
            for (member, found) in zip(plan.members, features) {
                try refuseLeaks(
                    member.columnNames, found.note.map(\.leakage), allowed: plan.request.allowedLeakage,
                    hasArrivalTimes: member.hasArrivalTimes)
            }
            return try body(SpilledSlices.source(self, files: features.map(\.files)))
        }
    }

    /// What differs between the clocks, for each feature.
    func clocks() throws -> [ClockCount] {
        try running { try computeAll().flatMap { $0.note.map(\.clocks) } }
    }

    private func running<T>(_ body: () throws -> T) throws -> T {
        try workspace.withLock(name) {
            try makeFolder(folder.path)
            do {
                let result = try connection.interrupted(by: cancellation, body)
                folder.remove()
                return result
            } catch {
                if cancellation.isCancelled {
                    folder.remove()
                    throw MartletError(.cancelled, "stopped as asked", fix: "nothing was written", cause: nil)
                }
                throw error
            }
        }
    }

    private func computeAll() throws -> [(files: [String], note: [FeatureNote])] {
        try stageLabels()
        var found: [(files: [String], note: [FeatureNote])] = Array(repeating: ([], []), count: plan.members.count)
        for (number, group) in layout.groups.enumerated() {
            let labels = try partitionLabels(number, group)
            for member in group.members {
                found[member] = try compute(member, group, labels: labels, labelFolder: "labels-\(number)")
            }
        }
        return found
    }

    /// Copies the labels as they were read, so that a number names one row in every later step.
    private func stageLabels() throws {
        if folder.note(of: "labels") != nil { return }
        try cancellation.check()
        progress.report("read labels", done: 0, total: plan.labels.rowCount)
        try connection.execute("SET preserve_insertion_order = true")
        try connection.execute(
            "COPY (\(plan.labels.sql)) TO \(quotedLiteral(folder.file("labels.parquet"))) "
                + "(FORMAT parquet, ROW_GROUP_SIZE 20480)")
        try folder.finish("labels", files: ["labels.parquet"], note: .null)
    }

    /// - Returns: the number of labels of each part.
    private func partitionLabels(_ number: Int, _ group: SpillLayout.Group) throws -> [Int] {
        let keys = group.keys.enumerated().map { "\(quotedIdentifier($1.name)) AS c\($0)" }
        let names = group.keys.map { quotedIdentifier($0.name) }
        let time = quotedIdentifier(plan.labels.timeColumn)
        return try partition(
            """
            SELECT file_row_number AS r, \(time) AS t, \(keys.joined(separator: ", ")),
            (hash(\(names.joined(separator: ", "))) % \(group.parts))::INTEGER AS p
            FROM read_parquet(\(quotedLiteral(folder.file("labels.parquet"))), file_row_number = true)
            """, into: "labels-\(number)", parts: group.parts)
    }

    /// Cuts the rows of a query by its column `p` into `NAME/p=N/*.parquet`.
    private func partition(_ query: String, into name: String, parts: Int) throws -> [Int] {
        if let counts = folder.note(of: name)?.array { return counts.map { Int($0.integer ?? 0) } }
        try cancellation.check()
        folder.remove(name)
        try connection.execute("SET preserve_insertion_order = false")
        try connection.execute("SET partitioned_write_flush_threshold = 131072")
        // With fewer files than parts they would be closed and begun anew all the time.
        try connection.execute("SET partitioned_write_max_open_files = \(2 * SpillLayout.partsMax)")
        // Small row groups, smaller ones of many parts: each open part holds one in memory.
        let groupRows = max(2_048, min(8_192, 819_200 / parts))
        try connection.execute(
            "COPY (\(query)) TO \(quotedLiteral(folder.file(name))) "
                + "(FORMAT parquet, PARTITION_BY p, ROW_GROUP_SIZE \(groupRows))")
        var counts = [Int](repeating: 0, count: parts)
        for part in 0..<parts where !folder.filesBelow("\(name)/p=\(part)").isEmpty {
            counts[part] = Int(
                try connection.value("SELECT count(*) FROM \(relation(name, part))").number ?? 0)
        }
        try folder.finish(name, files: [name], note: .array(counts.map { .integer(Int64($0)) }))
        return counts
    }

    /// The rows of a part as SQL that can follow FROM.
    private func relation(_ name: String, _ part: Int) -> String {
        "read_parquet(\(quotedLiteral(folder.file("\(name)/p=\(part)/*.parquet"))), hive_partitioning = false)"
    }

    private func compute(
        _ number: Int, _ group: SpillLayout.Group, labels: [Int], labelFolder: String
    ) throws -> (files: [String], note: [FeatureNote]) {
        let member = plan.members[number]
        _ = try workspace.attachSources(
            of: member.view, plan.definitions, pinned: plan.tableVersions, to: connection)
        let query = try workspace.viewQuery(
            member.view, plan.definitions, connection, includesRemoved: true)
        let hash = "hash(\(member.keys.indices.map { "c\($0)" }.joined(separator: ", ")))"
        let steps = (0..<group.parts).map { "features-\(number)-\($0)" }
        var notes = steps.map { folder.note(of: $0) }
        let events = "events-\(number)"
        var eventCounts: [Int] = []
        if notes.contains(where: { $0 == nil }) {
            progress.report("rows of \(member.view.about.name)", done: 0, total: Int(plan.eventCounts[number]))
            let condition = try query.condition(
                forLabels: plan.labels.times, anyAge: plan.request.keepsOnlyKnownEntities)
            let present = member.keys.indices.map { "c\($0) IS NOT NULL" }.joined(separator: " AND ")
            eventCounts = try partition(
                """
                SELECT *, (\(hash) % \(group.parts))::INTEGER AS p FROM (\(query.sql)) WHERE \(present) AND \(condition)
                """, into: events, parts: group.parts)
        }
        for part in 0..<group.parts {
            defer { report(member, labels[part]) }
            if notes[part] != nil { continue }
            try cancellation.check()
            let work = SpillWork(
                run: self, member: member, query: query, hash: hash,
                events: eventCounts[part] > 0 ? relation(events, part) : nil,
                labels: labels[part] > 0 ? relation(labelFolder, part) : nil)
            let result = try work.compute(SpillPart(name: steps[part], keyDivisor: group.parts))
            let note = JSONValue.array(result.notes.map(\.json))
            try folder.finish(steps[part], files: result.files, note: note)
            notes[part] = note
        }
        folder.remove(events)
        folder.remove("\(events).done")
        var total = [FeatureNote](repeating: FeatureNote(), count: member.features.count)
        for note in notes {
            let parsed = note?.array?.compactMap(FeatureNote.init(json:)) ?? []
            if parsed.count == total.count { total = zip(total, parsed).map { $0 + $1 } }
        }
        if case .clocks(let examples) = goal {
            for index in total.indices {
                total[index].clocks.examples = Array(total[index].clocks.examples.prefix(examples))
            }
        }
        return (steps.flatMap { folder.files(of: $0) }, total)
    }

    private func report(_ member: TrainingMember, _ labels: Int) {
        rowsDone += labels
        progress.report(
            "features of \(member.view.about.name)", done: rowsDone,
            total: plan.labels.rowCount * plan.members.count)
    }
}

/// What is noted of a feature beside its values.
struct FeatureNote {
    var leakage = LeakageCount()
    var clocks = ClockCount()

    static func + (left: Self, right: Self) -> Self {
        Self(leakage: left.leakage + right.leakage, clocks: left.clocks + right.clocks)
    }
}

extension FeatureNote {
    var json: JSONValue {
        let numbers = [
            leakage.seen, leakage.changed, clocks.differing, clocks.late, clocks.corrected, clocks.takenBack,
        ]
        return .array((numbers + clocks.examples).map { .integer($0) })
    }

    init?(json: JSONValue) {
        guard let numbers = json.array?.compactMap(\.integer), numbers.count >= 6 else { return nil }
        leakage = LeakageCount(seen: numbers[0], changed: numbers[1])
        clocks = ClockCount(
            differing: numbers[2], late: numbers[3], corrected: numbers[4], takenBack: numbers[5],
            examples: Array(numbers.dropFirst(6)))
    }
}
