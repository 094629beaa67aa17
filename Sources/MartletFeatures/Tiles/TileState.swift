import MartletCore

/// The state of one group within one tile, taken out of its bytes: what merging and building work on. Reading works on
/// the bytes themselves (`TileAssembly`).
enum TileState {
    case rows(RowCount)
    case moments(Moments)
    case extremes(Extremes<Int64>)
    case textExtremes(Extremes<ByteKey>)
    case ends(Ends<Int64>)
    case textEnds(Ends<ByteKey>)
    case newest(Newest)
    case tail(any TailState)

    /// - Precondition: both are states of the same slot.
    mutating func combine(_ other: TileState) {
        switch (self, other) {
        case (.rows(let left), .rows(let right)): self = .rows(combined(left, right))
        case (.moments(let left), .moments(let right)): self = .moments(combined(left, right))
        case (.extremes(let left), .extremes(let right)): self = .extremes(combined(left, right))
        case (.textExtremes(let left), .textExtremes(let right)): self = .textExtremes(combined(left, right))
        case (.ends(let left), .ends(let right)): self = .ends(combined(left, right))
        case (.textEnds(let left), .textEnds(let right)): self = .textEnds(combined(left, right))
        case (.newest(let left), .newest(let right)): self = .newest(combined(left, right))
        case (.tail(let left), .tail(let right)): self = .tail(combinedTail(left, right))
        default: preconditionFailure("states of different families")
        }
    }

    /// The state without the inputs of the other; nil where only the inputs that stay can tell.
    /// - Precondition: both are states of the same slot.
    func without(_ other: TileState) -> TileState? {
        switch (self, other) {
        case (.rows(let left), .rows(let right)): .rows(subtracted(left, right))
        case (.moments(let left), .moments(let right)): .moments(subtracted(left, right))
        case (.tail(let left), .tail(let right)): withoutTail(left, right).map(TileState.tail)
        default: other.isZero ? self : nil
        }
    }

    /// Whether the state is that of no input.
    var isZero: Bool {
        switch self {
        case .rows(let state): state == .zero
        case .moments(let state): state == .zero
        case .extremes(let state): state == .zero
        case .textExtremes(let state): state == .zero
        case .ends(let state): state == .zero
        case .textEnds(let state): state == .zero
        case .newest(let state): state == .zero
        case .tail(let state): isZeroTail(state)
        }
    }
}

func subtracted<State: InvertibleAccumulator>(_ left: State, _ right: State) -> State {
    var state = left
    state.subtract(right)
    return state
}

private func withoutTail<State: TailState>(_ left: State, _ right: any TailState) -> (any TailState)? {
    guard let right = right as? State else { preconditionFailure("states of different families") }
    return left.without(right)
}

private func isZeroTail(_ state: some TailState) -> Bool { state == .zero }

private func combined<State: Accumulator>(_ left: State, _ right: State) -> State {
    var state = left
    state.combine(right)
    return state
}

private func combinedTail<State: TailState>(_ left: State, _ right: any TailState) -> any TailState {
    guard let right = right as? State else { preconditionFailure("states of different families") }
    return combined(left, right)
}

/// The event times that mark an absent first and an absent last value; no event has them (`timeLimitMicroseconds`).
let absentFirstTime = Int64.max
let absentLastTime = Int64.min

extension TileWriter {
    /// Writes a state at `place`, and what has no fixed size behind everything.
    func write(_ state: TileState, _ slot: TileSlot, at place: Int) {
        switch state {
        case .rows(let rows): store(rows.count, place)
        case .moments(let moments): write(moments, slot, at: place)
        case .extremes(let extremes):
            store(extremes.minimum ?? .max, place)
            store(extremes.maximum ?? .min, place + 8)
        case .textExtremes(let extremes):
            if let text = extremes.minimum { text.bytes.withUnsafeBytes { write($0, at: place) } }
            if let text = extremes.maximum { text.bytes.withUnsafeBytes { write($0, at: place + 8) } }
        case .ends(let ends):
            write(ends, slot, at: place) { value, place in store(value, place) }
        case .textEnds(let ends):
            write(ends, slot, at: place) { value, place in value.bytes.withUnsafeBytes { write($0, at: place) } }
        case .newest(let newest): store(newest.time, place)
        case .tail(let state): writeAny(state, slot, at: place)
        }
    }

    private func writeAny(_ state: some TailState, _ slot: TileSlot, at place: Int) { write(state, slot, at: place) }

    private func write<Value>(_ ends: Ends<Value>, _ slot: TileSlot, at place: Int, value: (Value, Int) -> Void) {
        func write(_ end: Ends<Value>.End?, _ absentTime: Int64, _ place: Int) {
            guard let end else {
                store(absentTime, place)
                return
            }
            self.write(end.order, at: place)
            value(end.value, place + 24)
        }
        if slot.needsFirst { write(ends.first, absentFirstTime, place) }
        if slot.needsLast { write(ends.last, absentLastTime, place + (slot.needsFirst ? 32 : 0)) }
    }

    /// Copies the state of a tile that needs no merging: its fixed part, and its part of the tail to a new place.
    func copy(_ slot: TileSlot, from record: TileRecord, tile: Int, to place: Int) throws(MartletError) {
        let source = tile + slot.offset
        store(UnsafeRawBufferPointer(rebasing: record.bytes[source..<source + slot.byteCount]), place)
        switch slot.family {
        case .rows, .newest: break
        case .moments:
            if load(record.bytes, source + 4, UInt32.self) != 0 {
                write(try record.moments(slot, source), slot, at: place)
            }
        case .extremes:
            if slot.isText {
                try copyText(record, source, place)
                try copyText(record, source + 8, place + 8)
            }
        case .ends:
            if slot.isText && slot.needsFirst { try copyText(record, source + 24, place + 24) }
            if slot.isText && slot.needsLast {
                let offset = slot.needsFirst ? 32 : 0
                try copyText(record, source + offset + 24, place + offset + 24)
            }
        case .skew, .firsts, .lasts, .values, .registers, .sketch, .keyed, .decayed, .sessions:
            let part = try record.tailPart(at: source)
            if !part.isEmpty { writeTail(at: place) { append(part) } }
        }
    }

    private func copyText(_ record: TileRecord, _ source: Int, _ place: Int) throws(MartletError) {
        let offset = Int(load(record.bytes, source, UInt32.self))
        if offset == 0 { return }
        guard let text = record.tail(offset, Int(load(record.bytes, source + 4, UInt32.self))) else {
            throw corruptTail
        }
        write(text, at: place)
    }
}

extension TileRecord {
    /// The state of a slot in the tile whose states start at `tile`.
    func state(_ slot: TileSlot, tile: Int) throws(MartletError) -> TileState {
        let place = tile + slot.offset
        switch slot.family {
        case .rows: return .rows(RowCount(count: load(bytes, place, Int64.self)))
        case .moments: return .moments(try moments(slot, place))
        case .extremes:
            if slot.isText {
                return .textExtremes(Extremes(minimum: try text(place), maximum: try text(place + 8)))
            }
            let minimum = load(bytes, place, Int64.self)
            let maximum = load(bytes, place + 8, Int64.self)
            return .extremes(minimum > maximum ? .zero : Extremes(minimum: minimum, maximum: maximum))
        case .ends:
            let lastPlace = place + (slot.needsFirst ? 32 : 0)
            let first = slot.needsFirst ? order(place, absentFirstTime) : nil
            let last = slot.needsLast ? order(lastPlace, absentLastTime) : nil
            if slot.isText {
                var ends = Ends<ByteKey>()
                if let first { ends.first = .init(order: first, value: try text(place + 24) ?? ByteKey([])) }
                if let last { ends.last = .init(order: last, value: try text(lastPlace + 24) ?? ByteKey([])) }
                return .textEnds(ends)
            }
            return .ends(
                Ends(
                    first: first.map { .init(order: $0, value: load(bytes, place + 24, Int64.self)) },
                    last: last.map { .init(order: $0, value: load(bytes, lastPlace + 24, Int64.self)) }))
        case .newest: return .newest(Newest(time: load(bytes, place, Int64.self)))
        case .skew, .firsts, .lasts, .values, .registers, .sketch, .keyed, .decayed, .sessions:
            return .tail(try anyTailState(slot, at: place))
        }
    }

    func moments(_ slot: TileSlot, _ place: Int) throws(MartletError) -> Moments {
        var moments = Moments(narrow: narrowMoments(slot, place), wide: nil)
        let offset = Int(load(bytes, place + 4, UInt32.self))
        if offset != 0 { moments.wide = try wideMoments(slot, offset) }
        return moments
    }

    @inline(__always)
    func narrowMoments(_ slot: TileSlot, _ place: Int) -> NarrowMoments {
        var moments = NarrowMoments()
        moments.count = Int64(load(bytes, place, UInt32.self))
        if slot.needsSum {
            moments.sum = FixedSum { load(bytes, place &+ 8 &+ 8 &* $0, UInt64.self) }
        }
        if slot.needsSquares {
            moments.squares = FixedSquares { load(bytes, place &+ 32 &+ 8 &* $0, UInt64.self) }
        }
        return moments
    }

    @inline(never)
    func wideMoments(_ slot: TileSlot, _ offset: Int) throws(MartletError) -> WideMoments {
        guard let head = tail(offset, 24) else { throw corruptTail }
        var headReader = TailReader(head)
        var wide = try headReader.wideHead()
        if wide.finiteCount == 0 { return wide }
        let wordCount = WideMoments.sumWordCount + (slot.needsSquares ? WideMoments.squaresWordCount : 0)
        guard let words = tail(offset + 24, 8 * wordCount) else { throw corruptTail }
        var reader = TailReader(words)
        wide.sum = WideInteger(try reader.words(WideMoments.sumWordCount))
        if slot.needsSquares { wide.squares = WideInteger(try reader.words(WideMoments.squaresWordCount)) }
        return wide
    }

    @inline(__always)
    func order(_ place: Int, _ absentTime: Int64) -> OrderKey? {
        let time = load(bytes, place, Int64.self)
        if time == absentTime { return nil }
        return OrderKey(
            eventTime: time, arrivalTime: load(bytes, place + 8, Int64.self),
            position: load(bytes, place + 16, Int64.self))
    }

    /// The text that the eight bytes at `place` refer to, nil where there is none.
    func text(_ place: Int) throws(MartletError) -> ByteKey? {
        let offset = Int(load(bytes, place, UInt32.self))
        if offset == 0 { return nil }
        guard let text = tail(offset, Int(load(bytes, place + 4, UInt32.self))) else { throw corruptTail }
        return ByteKey(text)
    }
}
