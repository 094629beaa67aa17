internal import MartletCore
internal import MartletDefinitions
internal import MartletObjects
internal import MartletQuery
internal import MartletRegistry

/// How a run is cut: members with the same join keys share the parts of their labels.
struct SpillLayout {
    struct Group {
        let keys: [Field]
        let members: [Int]
        let parts: Int
    }

    let groups: [Group]
    /// How many labels are put together at a time at the end, and how often.
    let sliceRows: Int
    let sliceCount: Int

    /// More parts would only be more files: what is still too large is cut again when its turn comes.
    static let partsMax = 256

    init(_ plan: TrainingSetPlan, _ budget: MemoryBudget) {
        var groups: [Group] = []
        for (number, member) in plan.members.enumerated() {
            let eventCount = plan.eventCounts[number]
            let bytes =
                member.bytes(eventCount: eventCount, threads: budget.threads)
                + plan.labels.rowCount * member.labelBytes(eventCount: eventCount)
            // A quarter more, for keys do not fall evenly.
            let parts = min(Self.partsMax, max(1, bytes / budget.partBytes * 5 / 4 + 1))
            if let index = groups.firstIndex(where: { $0.keys == member.keys }) {
                groups[index] = Group(
                    keys: member.keys, members: groups[index].members + [number],
                    parts: max(parts, groups[index].parts))
            } else {
                groups.append(Group(keys: member.keys, members: [number], parts: parts))
            }
        }
        self.groups = groups
        // Fewer rows would only be more steps, but for those with long lists and maps.
        let leastRows = max(64, min(4_096, (4 << 20) / plan.rowBytes))
        sliceRows = max(leastRows, min(1 << 20, budget.sliceBytes / plan.rowBytes))
        sliceCount = (plan.labels.rowCount + sliceRows - 1) / sliceRows
    }
}

extension TrainingSetPlan {
    /// Equal for requests whose parts can stand in for one another: the same labels, table versions, definitions,
    /// clock and cut.
    func digest(_ layout: SpillLayout, _ goal: String, engine: String) throws -> String {
        var words = [engine, goal, request.labels, labelDigest ?? "", labels.sql]
        words.append("\(request.asKnown) \(request.keepsOnlyKnownEntities) \(request.revision == nil)")
        words += tableVersions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        words += definitionVersions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        words += members.map { $0.columnNames.joined(separator: ",") }
        words += layout.groups.map { "\($0.members) \($0.parts)" } + ["\(layout.sliceRows)"]
        var digest = try SHA256Digest()
        for word in words { try digest.update("\(word.utf8.count):\(word)".utf8) }
        return try digest.finishAsHex()
    }
}

/// Some of the rows of a partition: those whose keys' hash has certain digits, and of their labels some, by number or
/// by time.
struct SpillPart {
    /// Names the files that it becomes.
    var name: String
    /// SQL over `c0, c1, …`.
    var keyConditions: [String] = []
    /// SQL over `r`, the number of the label, and `t`, its time.
    var labelConditions: [String] = []
    /// Whether the labels are those of some time only, so that not all events of their keys are needed.
    var isOfSomeTime = false
    /// What the hash is divided by before its next digit is looked at.
    var keyDivisor: Int
    var labelDivisor = 1
    var depth = 0

    /// By keys into `count` parts.
    func byKeys(_ hash: String, _ count: Int) -> [SpillPart] {
        (0..<count).map { index in
            var part = self
            part.name += "-\(index)"
            part.keyConditions.append("(\(hash) // \(keyDivisor)) % \(count) = \(index)")
            part.keyDivisor *= count
            part.depth += 1
            return part
        }
    }

    /// By labels into `count` parts, whose keys stay the same.
    func byLabels(_ count: Int) -> [SpillPart] {
        (0..<count).map { index in
            var part = self
            part.name += "-l\(index)"
            part.labelConditions.append("(r // \(labelDivisor)) % \(count) = \(index)")
            part.labelDivisor *= count
            part.depth += 1
            return part
        }
    }

    /// By the times of labels: up to each of the bounds, which ascend, and after the last. The keys stay the same.
    func byTimes(_ bounds: [Timestamp]) -> [SpillPart] {
        let literals = bounds.map { sqlLiteral(.timestamp($0)) }
        return (0...bounds.count).map { index in
            var part = self
            part.name += "-t\(index)"
            if index > 0 { part.labelConditions.append("t > \(literals[index - 1])") }
            if index < bounds.count { part.labelConditions.append("t <= \(literals[index])") }
            part.isOfSomeTime = true
            return part
        }
    }

    static func condition(_ conditions: [String]) -> String {
        conditions.isEmpty ? "true" : conditions.joined(separator: " AND ")
    }
}
