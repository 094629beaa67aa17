package import MartletCore

/// A lander on the simulated disk: the platform's steps in their order, on a model of Delta's tables, whose writer
/// needs
/// real files. Data goes to a file of its own; a commit names it together with the offset up to which the table holds
/// the log; only then the log is told. What is checked: each event is landed once, whole and in order.
package final class SimulatedLander: SimulationParticipant {
    private static let folder = "/tables"
    private static let consumer = "lander"
    private var log: EventLog?
    private var disk: (any LogDisk)?
    private var files = 0
    /// Rows that were landed, over all lives.
    package private(set) var landedRows = 0

    package init() {}

    package func opened(_ log: EventLog, disk: any LogDisk, time: any TimeSource) throws(MartletError) {
        (self.log, self.disk) = (log, disk)
        try disk.makeFolder(Self.folder)
        if log.committedOffset(of: Self.consumer) == nil { try log.commit(Self.consumer, offset: 0) }
    }

    package func died() { (log, disk) = (nil, nil) }

    package func step(_ random: inout SeededRandom) throws(MartletError) {
        guard let log, let disk, log.failure == nil else { return }
        let commits = try commits(disk)
        let start = commits.last?.end ?? 0
        let end = log.endOffset
        if end > start {
            var rows = ""
            var reader = log.reader(from: start)
            var count = 0
            while reader.offset < end {
                for batch in try reader.next(maximumBytes: 2_000) {
                    for row in 0..<batch.events.count where batch.offsets[row] < end {
                        rows += "\(batch.offsets[row]) \(simulatedToken(batch, row))\n"
                        count += 1
                    }
                }
            }
            // Never a name that was used: what an attempt left behind belongs to no commit.
            files += 1
            let part = "part-\(files)"
            try disk.replaceDurably(part, in: Self.folder, with: Array(rows.utf8))
            let commit = "commit-\(10_000 + commits.count)"
            try disk.replaceDurably(commit, in: Self.folder, with: Array("\(end) \(part)".utf8))
            landedRows += count
        }
        // A commit of an earlier attempt may be seen and not be durable: its sync has failed.
        try disk.syncFolder(Self.folder)
        try log.commit(Self.consumer, offset: end)
    }

    package func check() throws(MartletError) {
        guard let log, let disk else { return }
        var landed: [String] = []
        for commit in try commits(disk) {
            let rows = String(decoding: try disk.wholeFile("\(Self.folder)/\(commit.part)"), as: UTF8.self)
            for line in rows.split(separator: "\n") {
                let parts = line.split(separator: " ", maxSplits: 1)
                guard parts.count == 2, parts[0] == "\(landed.count)" else {
                    throw MartletError(.checkFailed, "broken: row \(landed.count) is landed once, in order: \(line)")
                }
                landed.append(String(parts[1]))
            }
            guard landed.count == Int(commit.end) else {
                throw MartletError(.checkFailed, "broken: \(landed.count) rows are landed up to \(commit.end)")
            }
        }
        guard log.committedOffset(of: Self.consumer) ?? 0 <= Int64(landed.count) else {
            throw MartletError(.checkFailed, "broken: the log is told of what is landed, and of nothing else")
        }
        var reader = log.reader(from: log.startOffset)
        while true {
            let batches = try reader.next(maximumBytes: 8_000)
            if batches.isEmpty { return }
            for batch in batches {
                for row in 0..<batch.events.count where batch.offsets[row] < Int64(landed.count) {
                    guard landed[Int(batch.offsets[row])] == simulatedToken(batch, row) else {
                        throw MartletError(.checkFailed, "broken: row \(batch.offsets[row]) is landed as it came")
                    }
                }
            }
        }
    }

    private func commits(_ disk: any LogDisk) throws(MartletError) -> [(end: Int64, part: String)] {
        var commits: [(end: Int64, part: String)] = []
        for name in try disk.list(Self.folder).sorted()
        where name.hasPrefix("commit-") && !name.hasSuffix(temporarySuffix) {
            let text = String(decoding: try disk.wholeFile("\(Self.folder)/\(name)"), as: UTF8.self)
            let parts = text.split(separator: " ").map(String.init)
            guard parts.count == 2, let end = Int64(parts[0]), name == "commit-\(10_000 + commits.count)" else {
                throw MartletError(.checkFailed, "broken: commit \(commits.count) is there whole: \(name) \(text)")
            }
            commits.append((end, parts[1]))
        }
        return commits
    }
}

/// What tells an event of a simulation from all others.
func simulatedToken(_ batch: LoggedBatch, _ row: Int) -> String {
    String(batch.events.payloads[row].prefix { $0 != "x" })
}
