internal import Dispatch
package import MartletCore
internal import Synchronization

/// What did not fit, kept durably in a log of its own until somebody decides: with reason, attempts and original bytes.
///
/// Every change is a record appended to the log and durable when the call returns; the state is a function of the
/// records. Calls block for one sync; not for threads of the cooperative pool. Letters and their changes go when
/// retention removes the segment that holds the original.
package final class DeadLetters: Sendable {
    private struct State {
        var table = DeadLetterTable()
        var random: SeededRandom
        /// Letters that came once more while they were open.
        var repeated = 0
    }

    package let log: EventLog
    private let rules: RetryRules
    private let time: any TimeSource
    private let state: Mutex<State>

    /// - Parameters:
    ///   - folder: of its log.
    ///   - seed: of the jitter.
    package convenience init(
        folder: String, workspace: WorkspaceID, disk: any LogDisk = SystemDisk(),
        time: any TimeSource = SystemTimeSource(), rules: RetryRules = RetryRules(),
        seed: UInt64 = .random(in: 0 ... .max)
    ) throws(MartletError) {
        var settings = LogSettings()
        settings.segmentBytes = 32 << 20
        // Its records are told apart by their numbers.
        settings.dedupe.horizon = .zero
        settings.isPublished = true
        var random = SeededRandom(seed: seed)
        let log = try EventLog(
            folder: folder, workspace: workspace, disk: disk, time: time, settings: settings,
            newKey: (random.advance(), random.advance()))
        try self.init(log, rules, time, random)
    }

    /// The letters that another process keeps, as they are at this moment: for looking at them.
    /// - Throws: `notFound` where there are none.
    package static func reading(
        folder: String, workspace: WorkspaceID, disk: any LogDisk = SystemDisk()
    ) throws(MartletError) -> DeadLetters {
        try DeadLetters(
            EventLog.reading(folder: folder, workspace: workspace, disk: disk), RetryRules(), SystemTimeSource(),
            SeededRandom(seed: 0))
    }

    private init(
        _ log: EventLog, _ rules: RetryRules, _ time: any TimeSource, _ random: SeededRandom
    ) throws(MartletError) {
        self.log = log
        self.rules = rules
        self.time = time
        var table = DeadLetterTable()
        var reader = log.reader(from: log.startOffset)
        while true {
            let batches = try reader.next(maximumBytes: 4 << 20)
            if batches.isEmpty { break }
            for batch in batches {
                for row in 0..<batch.events.count {
                    guard let number = Int64(batch.events.ids[row]),
                        let letter = DeadLetterRecord.letter(batch.events.payloads.slice(row), number: number)
                    else { throw MartletError(.corruptData, "record \(batch.offsets[row]) is no dead letter") }
                    // A change of a letter that retention has removed says nothing any more.
                    if batch.events.operations[row] == .insert || table.entries[number] != nil {
                        table.apply(letter, mark: log.key.mark(of: letter), offset: batch.offsets[row])
                    }
                }
            }
        }
        state = Mutex(State(table: table, random: random))
    }

    /// Keeps letters. One that is kept already and still open (the same bytes for the same source from the same
    /// position) is not kept again: whoever got no answer sends once more.
    /// - Parameter mayPassLater: which of them are to be tried again by themselves.
    /// - Returns: the numbers of those that are new.
    @discardableResult
    package func add(
        _ letters: [DeadLetter], mayPassLater: (DeadLetter) -> Bool = { _ in false }
    ) throws(MartletError) -> [Int64] {
        if letters.isEmpty { return [] }
        return try change { state, now throws(MartletError) in
            let new = letters.filter { !state.table.isOpen(log.key.mark(of: $0)) }
            state.repeated += letters.count - new.count
            return new.enumerated().map { index, letter in
                var letter = letter
                letter.number = state.table.nextNumber + Int64(index)
                (letter.firstTime, letter.lastTime) = (now, now)
                if mayPassLater(letter) {
                    letter.nextAttempt = now + rules.wait(afterAttempts: 1, chance: state.random.uniform())
                }
                return (letter, .insert)
            }
        }
    }

    /// Notes that letters were tried again and did not pass.
    /// - Parameter mayPassLater: whether they are to be tried once more by themselves; else they wait for a person.
    package func markFailed(
        _ numbers: [Int64], reason: String? = nil, mayPassLater: Bool = true
    ) throws(MartletError) {
        try mark(numbers) { letter, now, chance in
            letter.attempts += 1
            if let reason { letter.reason = reason }
            if letter.attempts >= rules.attempts {
                letter.state = .escalated
                letter.nextAttempt = nil
            } else if !mayPassLater {
                letter.nextAttempt = nil
            } else {
                letter.nextAttempt = now + rules.wait(afterAttempts: letter.attempts, chance: chance)
            }
        }
    }

    package func markReplayed(_ numbers: [Int64]) throws(MartletError) {
        try mark(numbers) { letter, _, _ in
            letter.attempts += 1
            letter.state = .replayed
            letter.nextAttempt = nil
        }
    }

    package func drop(_ numbers: [Int64]) throws(MartletError) {
        try mark(numbers) { letter, _, _ in
            letter.state = .dropped
            letter.nextAttempt = nil
        }
    }

    /// - Throws: `notFound` for a number that is not kept; `conflict` for a letter that was replayed or dropped before.
    private func mark(
        _ numbers: [Int64], _ body: (inout DeadLetter, Timestamp, Double) -> Void
    ) throws(MartletError) {
        if numbers.isEmpty { return }
        _ = try change { state, now throws(MartletError) in
            var changes: [(DeadLetter, EventOperation)] = []
            for number in numbers {
                guard var letter = state.table.entries[number]?.letter else {
                    throw MartletError(.notFound, "there is no dead letter \(number)")
                }
                guard letter.isOpen else {
                    throw MartletError(.conflict, "dead letter \(number) was \(letter.state) before")
                }
                letter.lastTime = now
                body(&letter, now, state.random.uniform())
                changes.append((letter, .update))
            }
            return changes
        }
    }

    /// Appends records and takes them up once they are durable.
    private func change(
        _ make: (inout State, Timestamp) throws(MartletError) -> [(DeadLetter, EventOperation)]
    ) throws(MartletError) -> [Int64] {
        let result = state.withLock { state -> Result<[Int64], MartletError> in
            do throws(MartletError) {
                let now = time.now()
                let changes = try make(&state, now)
                if changes.isEmpty { return .success([]) }
                var batch = EventBatch(source: DeadLetterRecord.source, schemaVersion: 1)
                for (letter, operation) in changes {
                    batch.eventTimes.append(now.microseconds)
                    batch.arrivalTimes.append(now.microseconds)
                    batch.operations.append(operation)
                    batch.ids.append("\(letter.number)")
                    batch.payloads.append(contentsOf: DeadLetterRecord.bytes(letter))
                }
                let end = try log.appendAndWait([batch]).endOffset
                for (index, change) in changes.enumerated() {
                    state.table.apply(
                        change.0, mark: log.key.mark(of: change.0), offset: end - Int64(changes.count - index))
                }
                return .success(changes.map(\.0.number))
            } catch {
                return .failure(error)
            }
        }
        switch result {
        case .success(let numbers): return numbers
        case .failure(let error): throw error
        }
    }
}

extension DeadLetters {
    /// Letters in the order of their numbers, without their originals.
    /// - Parameters:
    ///   - reason: what the reason begins with.
    ///   - after: the last number of the page before.
    package func list(
        source: String? = nil, reason: String? = nil, states: Set<DeadLetter.State> = [.waiting, .escalated],
        after: Int64 = -1, limit: Int = 100
    ) -> [DeadLetter] {
        state.withLock { state in
            state.table.entries.values.lazy.map(\.letter).filter { letter in
                letter.number > after && states.contains(letter.state) && source ?? letter.source == letter.source
                    && (reason.map(letter.reason.hasPrefix) ?? true)
            }.sorted { $0.number < $1.number }.prefix(limit).map { $0 }
        }
    }

    /// One letter with its original.
    /// - Throws: `notFound`; `corruptData`.
    package func letter(_ number: Int64) throws(MartletError) -> DeadLetter {
        let entry = state.withLock { $0.table.entries[number] }
        guard let entry else { throw MartletError(.notFound, "there is no dead letter \(number)") }
        var reader = log.reader(from: entry.offset)
        guard let batch = try reader.next(maximumBytes: 1).first, batch.offsets.first == entry.offset,
            let stored = DeadLetterRecord.letter(batch.events.payloads.slice(0), number: number)
        else { throw MartletError(.corruptData, "record \(entry.offset) is no dead letter") }
        var letter = entry.letter
        letter.original = stored.original
        return letter
    }

    /// Letters whose next attempt is due, the longest due first.
    package func due(limit: Int = 100) -> [DeadLetter] {
        let now = time.now()
        return state.withLock { state in
            state.table.entries.values.lazy.map(\.letter).filter { $0.nextAttempt.map { $0 <= now } ?? false }
                .sorted { ($0.nextAttempt ?? now, $0.number) < ($1.nextAttempt ?? now, $1.number) }
                .prefix(limit).map { $0 }
        }
    }

    /// When the next letter is due; nil where none waits for a time.
    package var nextDue: Timestamp? {
        state.withLock { $0.table.entries.values.lazy.compactMap(\.letter.nextAttempt).min() }
    }

    /// Makes the waiting letters of sources due at once: what they did not fit has changed. Those that a person has to
    /// look at stay as they are.
    /// - Returns: how many there are.
    @discardableResult
    package func hasten(_ sources: Set<String>) throws(MartletError) -> Int {
        let numbers = list(states: [.waiting], limit: .max).filter { sources.contains($0.source) }.map(\.number)
        try mark(numbers) { letter, now, _ in letter.nextAttempt = now }
        return numbers.count
    }

    /// Letters that came again while they were open, since this was opened.
    package var repeated: Int { state.withLock { $0.repeated } }

    /// How many letters are kept, by source and state.
    package var counts: [DeadLetterCount: Int] { state.withLock { $0.table.counts } }

    /// How many of the kept letters, without their originals, are such. O(letters).
    package func count(where isCounted: (DeadLetter) -> Bool) -> Int {
        state.withLock { $0.table.entries.values.count { isCounted($0.letter) } }
    }

    /// Forgets the oldest letters, whatever their state, as `EventLog.retain` removes segments.
    package func retain(sizeBytes: Int? = nil, age: TimeSpan? = nil) throws(MartletError) {
        try log.retain(sizeBytes: sizeBytes, age: age)
        state.withLock { $0.table.removeLetters(before: log.startOffset) }
    }
}

extension EventLog {
    /// Appends, writes on the calling thread what waits, and returns once it is durable.
    func appendAndWait(_ batches: [EventBatch]) throws(MartletError) -> AppendReceipt {
        let outcome = Mutex<Result<AppendReceipt, MartletError>?>(nil)
        let answered = DispatchSemaphore(value: 0)
        append(batches) { result in
            outcome.withLock { $0 = result }
            answered.signal()
        }
        while writeGroup() > 0 {}
        // Another thread may have taken it along with its own.
        answered.wait()
        switch outcome.withLock({ $0 }) {
        case .success(let receipt): return receipt
        case .failure(let error): throw error
        case nil: throw MartletError(.internalFault, "an append was not answered")
        }
    }
}
