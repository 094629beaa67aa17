import MartletCore

/// A state that a tile keeps in the tail of its record, as it has no fixed size.
protocol TailState: Accumulator {
    /// Equal states append equal bytes.
    func append(to writer: TileWriter, _ slot: TileSlot)
    /// What `append` wrote.
    /// - Throws: `corruptData` for anything else that would be unsafe to go on with.
    static func read(_ reader: inout TailReader, _ slot: TileSlot) throws(MartletError) -> Self
    /// The state without the inputs of the other; nil where only the inputs that stay can tell.
    func without(_ other: Self) -> Self?
}

extension TailState {
    func without(_ other: Self) -> Self? { other == .zero ? self : nil }
}

extension TailState where Self: InvertibleAccumulator {
    func without(_ other: Self) -> Self? {
        if other == .zero { return self }
        guard isInvertible && other.isInvertible else { return nil }
        return subtracted(self, other)
    }
}

/// Reads a part of a record's tail from its start to its end, and never beyond.
struct TailReader {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { offset == bytes.count }

    mutating func next<Integer: FixedWidthInteger & BitwiseCopyable>(
        _: Integer.Type
    ) throws(MartletError) -> Integer {
        let part = try bytes(MemoryLayout<Integer>.size)
        return load(part, 0, Integer.self)
    }

    mutating func bytes(_ count: Int) throws(MartletError) -> UnsafeRawBufferPointer {
        guard count <= bytes.count - offset else { throw corruptTail }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }

    mutating func words(_ count: Int) throws(MartletError) -> [UInt64] {
        let part = try bytes(8 * count)
        return (0..<count).map { load(part, 8 * $0, UInt64.self) }
    }
}

extension TileRecord {
    func tailState<State: TailState>(
        _: State.Type, _ slot: TileSlot, at place: Int
    ) throws(MartletError) -> State {
        let part = try tailPart(at: place)
        if part.isEmpty { return .zero }
        var reader = TailReader(part)
        return try State.read(&reader, slot)
    }

    /// The bytes that the slot at `place` refers to.
    func tailPart(at place: Int) throws(MartletError) -> UnsafeRawBufferPointer {
        let count = Int(load(bytes, place + 4, UInt32.self))
        if count == 0 { return UnsafeRawBufferPointer(start: nil, count: 0) }
        guard let part = tail(Int(load(bytes, place, UInt32.self)), count) else { throw corruptTail }
        return part
    }

    /// The state of a family that lives in the tail.
    func anyTailState(_ slot: TileSlot, at place: Int) throws(MartletError) -> any TailState {
        switch slot.family {
        case .skew: return try tailState(SkewMoments.self, slot, at: place)
        case .firsts, .lasts:
            if slot.isText { return try tailState(EndList<ByteKey>.self, slot, at: place) }
            return try tailState(EndList<Int64>.self, slot, at: place)
        case .values:
            if slot.isText { return try tailState(ValueCounts<ByteKey>.self, slot, at: place) }
            return try tailState(ValueCounts<Int64>.self, slot, at: place)
        case .registers: return try tailState(Registers.self, slot, at: place)
        case .sketch: return try tailState(QuantileSketch.self, slot, at: place)
        case .keyed:
            if slot.isText { return try tailState(KeyedMoments<ByteKey>.self, slot, at: place) }
            return try tailState(KeyedMoments<Int64>.self, slot, at: place)
        case .decayed: return try tailState(DecayedSums.self, slot, at: place)
        case .sessions: return try tailState(Sessions.self, slot, at: place)
        case .rows, .moments, .extremes, .ends, .newest: preconditionFailure("\(slot.family) has a fixed size")
        }
    }
}

extension TileWriter {
    /// Appends the state to the tail and writes where it is; nothing for the state of no input.
    func write<State: TailState>(_ state: State, _ slot: TileSlot, at place: Int) {
        if state != .zero { writeTail(at: place) { state.append(to: self, slot) } }
    }

    /// Writes where what `body` appends will be.
    func writeTail(at place: Int, _ body: () -> Void) {
        let start = end
        body()
        store(start, place)
        store(end &- start, place + 4)
    }
}
