internal import MartletCore

/// The newest state of each dead letter: a pure function of the records of the log, in their order. The original bytes
/// stay in the log.
struct DeadLetterTable: Sendable {
    struct Entry: Sendable {
        /// Without its original.
        var letter: DeadLetter
        /// Of what came: its source, position and bytes.
        var mark: EventMark
        /// Where the record with the original stands.
        var offset: Int64
    }

    private(set) var entries: [Int64: Entry] = [:]
    private var open: [EventMark: Int] = [:]
    private(set) var nextNumber: Int64 = 0

    /// Takes up one record: the id is the letter's number.
    /// - Parameter mark: of a new letter; later records have no original bytes to make it of.
    mutating func apply(_ letter: DeadLetter, mark: EventMark, offset: Int64) {
        var short = letter
        short.original = []
        let before = entries[letter.number]
        let entry = Entry(letter: short, mark: before?.mark ?? mark, offset: before?.offset ?? offset)
        entries[letter.number] = entry
        count(entry, by: (short.isOpen ? 1 : 0) - (before?.letter.isOpen ?? false ? 1 : 0))
        nextNumber = max(nextNumber, letter.number + 1)
    }

    /// Whether a letter of the same source, position and bytes waits for what becomes of it.
    func isOpen(_ mark: EventMark) -> Bool { open[mark] != nil }

    private mutating func count(_ entry: Entry, by difference: Int) {
        if difference == 0 { return }
        let number = open[entry.mark, default: 0] + difference
        open[entry.mark] = number > 0 ? number : nil
    }

    /// Forgets letters whose records retention has removed.
    mutating func removeLetters(before offset: Int64) {
        for (number, entry) in entries where entry.offset < offset {
            if entry.letter.isOpen { count(entry, by: -1) }
            entries.removeValue(forKey: number)
        }
    }

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
