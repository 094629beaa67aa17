internal import Glibc

/// A set of marks: exact in a table, or as a filter that holds each of its marks and by chance others.
enum MarkShard: Sendable {
    case exact(MarkTable)
    case filter(MarkFilter)

    var count: Int {
        switch self {
        case .exact(let table): table.count
        case .filter(let filter): filter.count
        }
    }

    var sizeBytes: Int {
        switch self {
        case .exact(let table): table.sizeBytes
        case .filter(let filter): filter.words.count * 8
        }
    }

    @inline(__always)
    func contains(_ mark: EventMark) -> Bool {
        switch self {
        case .exact(let table): table.contains(mark)
        case .filter(let filter): filter.contains(mark)
        }
    }
}

/// Open addressing with linear probing; a slot of zeroes is empty.
struct MarkTable: Sendable {
    private var slots: [EventMark] = []
    private(set) var count = 0

    var sizeBytes: Int { slots.count * 16 }

    @inline(__always)
    func contains(_ mark: EventMark) -> Bool {
        if slots.isEmpty { return false }
        var place = Int(truncatingIfNeeded: mark.low) & (slots.count - 1)
        while !slots[place].isNone {
            if slots[place] == mark { return true }
            place = (place + 1) & (slots.count - 1)
        }
        return false
    }

    /// - Precondition: the mark is not there.
    mutating func insert(_ mark: EventMark) {
        if count * 10 >= slots.count * 7 { grow() }
        put(mark)
        count += 1
    }

    private mutating func put(_ mark: EventMark) {
        var place = Int(truncatingIfNeeded: mark.low) & (slots.count - 1)
        while !slots[place].isNone { place = (place + 1) & (slots.count - 1) }
        slots[place] = mark
    }

    private mutating func grow() {
        let old = slots
        slots = [EventMark](repeating: .none, count: max(16, old.count * 2))
        for mark in old where !mark.isNone { put(mark) }
    }

    func forEach(_ body: (EventMark) -> Void) {
        for mark in slots where !mark.isNone { body(mark) }
    }
}

/// A Bloom filter (Bloom 1970) whose places are drawn from the mark's two halves (Kirsch, Mitzenmacher 2006).
struct MarkFilter: Sendable {
    fileprivate(set) var words: [UInt64]
    private let probes: Int
    let count: Int

    /// - Parameter rate: of marks that are not in the table, how many it is to be mistaken about.
    init(_ table: MarkTable, rate: Double) {
        count = table.count
        let bitsPerMark = -log2(rate) / log(2)
        probes = max(1, Int((-log2(rate)).rounded(.up)))
        let wanted = max(64, Int((Double(max(1, count)) * bitsPerMark).rounded(.up)))
        var words = [UInt64](repeating: 0, count: (wanted + 63) / 64)
        let bits = UInt64(words.count * 64)
        let probes = probes
        table.forEach { mark in
            for probe in 0..<probes {
                let bit = place(mark, probe, bits)
                words[Int(bit >> 6)] |= 1 &<< (bit & 63)
            }
        }
        self.words = words
    }

    @inline(__always)
    func contains(_ mark: EventMark) -> Bool {
        let bits = UInt64(words.count * 64)
        for probe in 0..<probes {
            let bit = place(mark, probe, bits)
            if words[Int(bit >> 6)] & (1 &<< (bit & 63)) == 0 { return false }
        }
        return true
    }
}

@inline(__always)
private func place(_ mark: EventMark, _ probe: Int, _ bits: UInt64) -> UInt64 {
    (mark.high &+ UInt64(probe) &* (mark.low | 1)).multipliedFullWidth(by: bits).high
}
