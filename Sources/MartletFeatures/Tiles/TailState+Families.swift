import MartletCore

// What each family appends. Counts are of 32 bits: a record has no room for more events.

/// A value of a list or a category.
protocol TailValue: CountedValue {
    func append(to writer: TileWriter)
    static func read(_ reader: inout TailReader) throws(MartletError) -> Self
}

extension Int64: TailValue {
    func append(to writer: TileWriter) { writer.append(self) }
    static func read(_ reader: inout TailReader) throws(MartletError) -> Int64 { try reader.next(Int64.self) }
}

extension ByteKey: TailValue {
    func append(to writer: TileWriter) { bytes.withUnsafeBytes { writer.appendText($0) } }

    static func read(_ reader: inout TailReader) throws(MartletError) -> ByteKey {
        let count = try reader.next(UInt32.self)
        return ByteKey(try reader.bytes(Int(count)))
    }
}

extension TileWriter {
    func appendText(_ text: UnsafeRawBufferPointer) {
        append(UInt32(truncatingIfNeeded: text.count))
        append(text)
    }

    /// The count and the sum; the squares are left out.
    fileprivate func append(sumOf moments: Moments, needsSum: Bool) {
        append(UInt32(truncatingIfNeeded: moments.count))
        guard needsSum else { return }
        append(UInt32(moments.wide == nil ? 0 : 1))
        moments.narrow.sum.forEachWord { append($1) }
        guard let wide = moments.wide else { return }
        append(headOf: wide)
        if wide.finiteCount != 0 { for word in wide.sum.words { append(word) } }
    }
}

extension TailReader {
    fileprivate mutating func sum(needsSum: Bool) throws(MartletError) -> Moments {
        var moments = Moments()
        moments.narrow.count = Int64(try next(UInt32.self))
        guard needsSum else { return moments }
        let isWide = try next(UInt32.self) != 0
        moments.narrow.sum = try FixedSum { _ throws(MartletError) in try next(UInt64.self) }
        guard isWide else { return moments }
        var wide = try wideHead()
        if wide.finiteCount != 0 { wide.sum = WideInteger(try words(WideMoments.sumWordCount)) }
        moments.wide = wide
        return moments
    }

    mutating func wideHead() throws(MartletError) -> WideMoments {
        var wide = WideMoments()
        wide.positiveInfinities = try next(Int64.self)
        wide.negativeInfinities = try next(Int64.self)
        wide.finiteCount = try next(Int64.self)
        return wide
    }
}

/// In place of a number of entries: there were too many.
private let beyondLimit = UInt32.max

/// `count 4, isWide 4, sum 24, squares 40, cubes 64`; if wide: the infinities 8 each, the number of finite values 8 and
/// if there are any the words of sum, squares and cubes.
extension SkewMoments: TailState {
    func append(to writer: TileWriter, _ slot: TileSlot) {
        writer.append(UInt32(truncatingIfNeeded: moments.count))
        writer.append(UInt32(moments.wide == nil ? 0 : 1))
        moments.narrow.sum.forEachWord { writer.append($1) }
        moments.narrow.squares.forEachWord { writer.append($1) }
        for word in cubes.words { writer.append(word) }
        guard let wide = moments.wide else { return }
        writer.append(headOf: wide)
        guard let wideCubes else { return }
        for word in wide.sum.words + wide.squares.words + wideCubes.words { writer.append(word) }
    }

    static func read(_ reader: inout TailReader, _ slot: TileSlot) throws(MartletError) -> SkewMoments {
        var state = SkewMoments()
        state.moments.narrow.count = Int64(try reader.next(UInt32.self))
        let isWide = try reader.next(UInt32.self) != 0
        state.moments.narrow.sum = try FixedSum { _ throws(MartletError) in try reader.next(UInt64.self) }
        state.moments.narrow.squares = try FixedSquares { _ throws(MartletError) in try reader.next(UInt64.self) }
        state.cubes = FixedCubes(words: try reader.words(8))
        guard isWide else { return state }
        var wide = try reader.wideHead()
        if wide.finiteCount != 0 {
            wide.sum = WideInteger(try reader.words(WideMoments.sumWordCount))
            wide.squares = WideInteger(try reader.words(WideMoments.squaresWordCount))
            state.wideCubes = WideInteger(try reader.words(wideWordCount))
        }
        state.moments.wide = wide
        return state
    }
}

/// `number of entries 4`, then `index << 8 | rank` 4 each; with more than 1,000 registers in use all of them, a byte
/// each.
extension Registers: TailState {
    private static let sparseMaximum = 1_000

    func append(to writer: TileWriter, _ slot: TileSlot) {
        let used = ranks.count { $0 != 0 }
        if used > Self.sparseMaximum {
            writer.append(beyondLimit)
            ranks.withUnsafeBytes { writer.append($0) }
            return
        }
        writer.append(UInt32(used))
        for (index, rank) in ranks.enumerated() where rank != 0 { writer.append(UInt32(index) << 8 | UInt32(rank)) }
    }

    static func read(_ reader: inout TailReader, _ slot: TileSlot) throws(MartletError) -> Registers {
        let used = try reader.next(UInt32.self)
        if used == beyondLimit { return Registers(ranks: Array(try reader.bytes(count))) }
        var ranks = [UInt8](repeating: 0, count: count)
        for _ in 0..<used {
            let entry = try reader.next(UInt32.self)
            guard entry >> 8 < UInt32(count) else { throw corruptTail }
            ranks[Int(entry >> 8)] = UInt8(truncatingIfNeeded: entry)
        }
        return Registers(ranks: ranks)
    }
}

/// `number of values 4`, then of each, ascending, its occurrences 4 and itself; beyond the limit the registers.
extension ValueCounts: TailState where Value: TailValue {
    func append(to writer: TileWriter, _ slot: TileSlot) {
        let state = limited
        if let registers = state.registers {
            writer.append(beyondLimit)
            registers.append(to: writer, slot)
            return
        }
        writer.append(UInt32(counts.count))
        for (value, count) in counts.sorted(by: { $0.key < $1.key }) {
            writer.append(UInt32(truncatingIfNeeded: count))
            value.append(to: writer)
        }
    }

    static func read(_ reader: inout TailReader, _ slot: TileSlot) throws(MartletError) -> ValueCounts {
        let number = try reader.next(UInt32.self)
        if number == beyondLimit { return ValueCounts(registers: try Registers.read(&reader, slot)) }
        var state = ValueCounts()
        for _ in 0..<number {
            let count = Int64(try reader.next(UInt32.self))
            state.counts[try Value.read(&reader)] = count
        }
        return state
    }
}

/// Of each bucket, ascending, its number 4 and its count 4.
extension QuantileSketch: TailState {
    func append(to writer: TileWriter, _ slot: TileSlot) {
        for (bucket, count) in counts.sorted(by: { $0.key < $1.key }) {
            writer.append(bucket)
            writer.append(UInt32(truncatingIfNeeded: count))
        }
    }

    static func read(_ reader: inout TailReader, _ slot: TileSlot) throws(MartletError) -> QuantileSketch {
        var state = QuantileSketch()
        while !reader.isAtEnd {
            let bucket = try reader.next(Int32.self)
            guard buckets.contains(bucket) else { throw corruptTail }
            state.counts[bucket] = Int64(try reader.next(UInt32.self))
        }
        return state
    }
}

/// `number of categories 4`, then of each, ascending, itself and its count and sum.
extension KeyedMoments: TailState where Value: TailValue {
    func append(to writer: TileWriter, _ slot: TileSlot) {
        let state = limited
        if state.isBeyondLimit {
            writer.append(beyondLimit)
            return
        }
        writer.append(UInt32(moments.count))
        for (category, moments) in moments.sorted(by: { $0.key < $1.key }) {
            category.append(to: writer)
            writer.append(sumOf: moments, needsSum: slot.needsSum)
        }
    }

    static func read(_ reader: inout TailReader, _ slot: TileSlot) throws(MartletError) -> KeyedMoments {
        let number = try reader.next(UInt32.self)
        if number == beyondLimit { return KeyedMoments(isBeyondLimit: true) }
        var state = KeyedMoments()
        for _ in 0..<number {
            let category = try Value.read(&reader)
            state.moments[category] = try reader.sum(needsSum: slot.needsSum)
        }
        return state
    }
}

/// Of each landmark, ascending, its time 8, the count and sum of its terms and of its weights.
extension DecayedSums: TailState {
    func append(to writer: TileWriter, _ slot: TileSlot) {
        for part in parts {
            writer.append(part.landmark)
            writer.append(sumOf: part.terms, needsSum: true)
            writer.append(sumOf: part.weights, needsSum: true)
        }
    }

    static func read(_ reader: inout TailReader, _ slot: TileSlot) throws(MartletError) -> DecayedSums {
        var state = DecayedSums()
        while !reader.isAtEnd {
            let landmark = try reader.next(Int64.self)
            let terms = try reader.sum(needsSum: true)
            state.parts.append(Part(landmark: landmark, terms: terms, weights: try reader.sum(needsSum: true)))
        }
        return state
    }
}

/// Of each session, ascending, its start 8 and its end 8.
extension Sessions: TailState {
    func append(to writer: TileWriter, _ slot: TileSlot) {
        for session in sessions {
            writer.append(session.start)
            writer.append(session.end)
        }
    }

    static func read(_ reader: inout TailReader, _ slot: TileSlot) throws(MartletError) -> Sessions {
        var state = Sessions(gap: slot.key.gap)
        while !reader.isAtEnd {
            let start = try reader.next(Int64.self)
            state.sessions.append(Session(start: start, end: try reader.next(Int64.self)))
        }
        return state
    }
}

/// Of each value, oldest first, its order key 24 and itself.
extension EndList: TailState where Value: TailValue {
    func append(to writer: TileWriter, _ slot: TileSlot) {
        for end in ends {
            writer.append(end.order)
            end.value.append(to: writer)
        }
    }

    static func read(_ reader: inout TailReader, _ slot: TileSlot) throws(MartletError) -> EndList {
        var state = EndList(length: slot.key.length, isFirst: slot.family == .firsts)
        while !reader.isAtEnd {
            let eventTime = try reader.next(Int64.self)
            let arrivalTime = try reader.next(Int64.self)
            let order = OrderKey(
                eventTime: eventTime, arrivalTime: arrivalTime, position: try reader.next(Int64.self))
            state.ends.append(.init(order: order, value: try Value.read(&reader)))
        }
        return state
    }
}
