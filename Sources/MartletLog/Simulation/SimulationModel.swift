internal import MartletCore
internal import Synchronization

/// What a simulation knows must be true of the log.
struct SimulationModel {
    /// One append as it was sent.
    struct Attempt: Sendable {
        var number: Int
        var key: String
        /// Of its events that have no id: they are in the log all or none of them.
        var plain: Set<String> = []
        /// Of its events with an id: source and id. Somebody else may have brought them.
        var named: Set<String> = []
        var position: SourcePosition?
        var isAcknowledged = false
    }

    /// Payload and id of what was read at each offset; never taken back.
    private(set) var observed: [String] = []
    /// When the event of each offset happened.
    private var times: [Int64] = []
    /// Its key, where it has one, and the newest event of each.
    private var keys: [String?] = []
    private var newest: [String: (time: Int64, offset: Int)] = [:]
    private var offsets: [String: Int] = [:]
    private var attempts: [Attempt] = []
    private var pending: Set<Int> = []
    private var acknowledgedEnd: Int64 = 0
    let outcomes = Outcomes()
    /// By consumer: the last offset that was committed, and those tried since, which may have been too.
    var triedCommits: [String: [Int64]] = [:]

    /// A new append; now and then one that got no answer is sent again under its key.
    mutating func nextAppend(_ random: inout SeededRandom) -> ([EventBatch], Attempt) {
        if random.advance() % 5 == 0,
            let again = attempts.last(where: { !$0.key.isEmpty && !pending.contains($0.number) })
        {
            pending.insert(again.number)
            return (batches(again.number, &random), again)
        }
        let number = attempts.count
        var attempt = Attempt(number: number, key: random.advance() & 1 == 0 ? "key-\(number)" : "")
        // Connectors do not repeat an append: they go on from the position that they find.
        if attempt.key.isEmpty {
            attempt.position = SourcePosition(
                stream: "stream-\(random.advance() % 3)", bytes: Array("\(number)".utf8))
        }
        attempts.append(attempt)
        let batches = batches(number, &random)
        pending.insert(number)
        return (batches, attempts[number])
    }

    /// The batches of an append: the same for the same number.
    private mutating func batches(_ number: Int, _ random: inout SeededRandom) -> [EventBatch] {
        var own = SeededRandom(seed: UInt64(number), stream: 7)
        var batches: [EventBatch] = []
        for part in 0..<1 + Int(own.advance() % 3) {
            var batch = EventBatch(source: "source\(own.advance() % 2)", schemaVersion: 1)
            for event in 0..<Int(own.advance() % 6) {
                let hasID = own.advance() & 1 == 0
                let id = hasID ? "id\(own.advance() % UInt64(3 * number + 5))" : ""
                let token = hasID ? "\(batch.source)/\(id)" : "\(number).\(part).\(event)"
                batch.eventTimes.append(Int64(number))
                batch.arrivalTimes.append(Int64(number))
                batch.operations.append(.insert)
                batch.ids.append(id)
                batch.payloads.append(token + String(repeating: "x", count: Int(own.advance() % 300)))
                if hasID { attempts[number].named.insert(token) } else { attempts[number].plain.insert(token) }
            }
            batches.append(batch)
        }
        batches[batches.count - 1].position = attempts[number].position
        return batches
    }

    mutating func takeOutcomes(_ report: inout SimulationReport) throws(MartletError) {
        for (number, result) in outcomes.take() {
            pending.remove(number)
            switch result {
            case .success(let receipt):
                attempts[number].isAcknowledged = true
                acknowledgedEnd = max(acknowledgedEnd, receipt.endOffset)
                report.acknowledged += 1
            case .failure(let error):
                guard error.code == .storeUnavailable || error.code == .limitExceeded else { throw error }
                report.refused += 1
            }
        }
        report.unanswered += pending.count
        try expect(pending.isEmpty, "every append is answered", &report)
    }

    mutating func losePending() {
        _ = outcomes.take()
        pending.removeAll()
    }

    /// Reads all of the log.
    mutating func observe(_ log: EventLog, _ report: inout SimulationReport) throws(MartletError) {
        var reader = log.reader(from: log.startOffset)
        var next = Int(log.startOffset)
        while true {
            let batches = try reader.next(maximumBytes: 3_000)
            if batches.isEmpty { break }
            for batch in batches {
                for row in 0..<batch.events.count {
                    let offset = Int(batch.offsets[row])
                    try expect(offset >= next, "offsets ascend", &report)
                    try checkGap(next..<offset, &report)
                    next = offset
                    let token = simulatedToken(batch, row)
                    if next < observed.count {
                        try expect(observed[next] == token, "offset \(next) keeps its event", &report)
                    } else {
                        try expect(offsets[token] == nil, "\(token) is stored once", &report)
                        offsets[token] = next
                        observed.append(token)
                        times.append(batch.events.eventTimes[row])
                        keys.append(SimulatedKeys.key(token))
                        if let key = keys[next], (times[next], next) > newest[key] ?? (.min, 0) {
                            newest[key] = (times[next], next)
                        }
                    }
                    next += 1
                }
            }
        }
        try checkGap(next..<max(next, Int(log.endOffset)), &report)
        next = max(next, Int(log.endOffset))
        try expect(next == observed.count, "\(observed.count) events were read before, \(next) now", &report)
        try expect(log.endOffset == Int64(next), "the end is behind the last event", &report)
    }

    /// Only compaction takes events out, and only those for which there is a newer one.
    private func checkGap(_ gap: Range<Int>, _ report: inout SimulationReport) throws(MartletError) {
        for offset in gap {
            let key = offset < observed.count ? keys[offset] : nil
            let isReplaced = key.flatMap { newest[$0] }.map { $0 > (times[offset], offset) } ?? false
            try expect(isReplaced, "offset \(offset) is there, or a newer event of its key", &report)
        }
    }

    /// To be called after `observe`.
    func check(_ log: EventLog, _ report: inout SimulationReport) throws(MartletError) {
        try expect(log.endOffset >= acknowledgedEnd, "what was acknowledged is before the end", &report)
        for attempt in attempts {
            let found = attempt.plain.filter { offsets[$0] != nil }.count
            let isThere = found == attempt.plain.count
            try expect(isThere || found == 0, "append \(attempt.number) is there whole or not at all", &report)
            let names = attempt.named.filter { offsets[$0] != nil }.count
            if attempt.isAcknowledged || (found > 0 && isThere) {
                try expect(isThere && names == attempt.named.count, "append \(attempt.number) is kept", &report)
            }
            if let position = attempt.position, log.position(of: position.stream) == position {
                try expect(
                    isThere && names == attempt.named.count, "a position comes with its events: \(attempt.number)",
                    &report)
            }
        }
        for (stream, newest) in newestAcknowledged() {
            let stands = log.position(of: stream).flatMap { Int(String(decoding: $0.bytes, as: UTF8.self)) } ?? -1
            try expect(stands >= newest, "\(stream) stands at \(stands), acknowledged was \(newest)", &report)
        }
        for name in triedCommits.keys.sorted() {
            let tried = triedCommits[name] ?? []
            let committed = log.committedOffset(of: name)
            let isKnown = committed.map(tried.contains) ?? (tried.count > 0)
            try expect(isKnown, "\(name) stands where it was told to", &report)
        }
    }

    private func newestAcknowledged() -> [(String, Int)] {
        var newest: [String: Int] = [:]
        for attempt in attempts where attempt.isAcknowledged {
            if let position = attempt.position { newest[position.stream] = attempt.number }
        }
        return newest.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private func expect(_ holds: Bool, _ promise: String, _ report: inout SimulationReport) throws(MartletError) {
        report.assertions += 1
        if !holds { throw MartletError(.checkFailed, "broken: \(promise)") }
    }
}

/// What appends were answered, in order.
final class Outcomes: Sendable {
    private let list = Mutex<[(Int, Result<AppendReceipt, MartletError>)]>([])
    func add(_ number: Int, _ result: Result<AppendReceipt, MartletError>) {
        list.withLock { $0.append((number, result)) }
    }
    func take() -> [(Int, Result<AppendReceipt, MartletError>)] {
        list.withLock { list in
            defer { list = [] }
            return list
        }
    }
}
