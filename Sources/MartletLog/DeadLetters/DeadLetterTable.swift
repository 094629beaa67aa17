internal import MartletCore

/// The newest state of each dead letter: a pure function of the records of the log, in their order. The original bytes
/// stay in the log.
struct DeadLetterTable: Sendable {
    struct Entry: Sendable {
        /// Without its original.
        var letter: DeadLetter
        /// Where the record with the original stands.
        var offset: Int64
    }

    private(set) var entries: [Int64: Entry] = [:]
    private(set) var nextNumber: Int64 = 0

    /// Takes up one record: the id is the letter's number.
    mutating func apply(_ letter: DeadLetter, offset: Int64) {
        var short = letter
        short.original = []
        if var entry = entries[letter.number] {
            entry.letter = short
            entries[letter.number] = entry
        } else {
            entries[letter.number] = Entry(letter: short, offset: offset)
        }
        nextNumber = max(nextNumber, letter.number + 1)
    }

    /// Forgets letters whose records retention has removed.
    mutating func removeLetters(before offset: Int64) { entries = entries.filter { $0.value.offset >= offset } }

    /// Counts by source and state.
    var counts: [DeadLetterCount: Int] {
        entries.values.reduce(into: [:]) { counts, entry in
            counts[DeadLetterCount(source: entry.letter.source, state: entry.letter.state), default: 0] += 1
        }
    }
}

/// Letters of one source in one state.
package struct DeadLetterCount: Sendable, Hashable {
    package let source: String
    package let state: DeadLetter.State

    package init(source: String, state: DeadLetter.State) {
        self.source = source
        self.state = state
    }
}
