import MartletCore

// One event and one tile.
extension ResidentTiles {
    /// Adds the event of the block to all states of the tile.
    @inline(__always)
    mutating func add(_ index: Int, to tile: UnsafeMutableRawPointer, _ tier: Int) {
        addTo(tile + 8, 1, Int64.self)
        let operations = hot[tier].operations
        for place in 0..<hot[tier].operationCount {
            let operation = operations[place]
            let state = tile + operation.offset
            if operation.kind == .rows {
                addTo(state, 1, Int64.self)
                continue
            }
            if operation.kind == .tail {
                var reference = state.load(as: UInt32.self)
                pools[operation.pool].add(&reference, block, index)
                state.storeBytes(of: reference, as: UInt32.self)
                continue
            }
            if operation.present[index] == 0 { continue }
            switch operation.kind {
            case .count: addTo(state, 1, UInt32.self)
            case .sum: addSum(operation, state, index, isAdded: true, withSquares: false)
            case .squares: addSum(operation, state, index, isAdded: true, withSquares: true)
            case .extremes:
                let extremes = state.assumingMemoryBound(to: Int64.self)
                let value = operation.bits[index]
                extremes[0] = min(extremes[0], value)
                extremes[1] = max(extremes[1], value)
            case .newest:
                let newest = state.assumingMemoryBound(to: Int64.self)
                newest[0] = max(newest[0], block.orders.base[index].eventTime)
            case .first, .last: addEnd(operation, state, index)
            case .textFirst, .textLast: addTextEnd(operation, state, index)
            case .textExtremes: addTextExtremes(operation, state, index)
            case .rows, .tail: break
            }
        }
    }

    /// Whether the event can be taken out of the state without seeing those that stay.
    func canRemove(_ operation: TileOperation, _ tile: UnsafeMutableRawPointer, _ index: Int) -> Bool {
        let state = tile + operation.offset
        if operation.kind == .tail {
            return pools[operation.pool].canRemove(state.load(as: UInt32.self), block, index)
        }
        if operation.present[index] == 0 { return true }
        let order = block.orders.base[index]
        switch operation.kind {
        case .rows, .count, .sum, .squares: return true
        case .extremes:
            let extremes = state.assumingMemoryBound(to: Int64.self)
            let value = operation.bits[index]
            return extremes[0] < value && value < extremes[1]
        case .newest: return order.eventTime < state.load(as: Int64.self)
        case .first, .textFirst: return state.load(as: OrderKey.self) < order
        case .last, .textLast: return order < state.load(as: OrderKey.self)
        case .textExtremes, .tail: return false
        }
    }

    /// - Precondition: `canRemove` holds of all states of the tile.
    mutating func remove(_ index: Int, from tile: UnsafeMutableRawPointer, _ tier: Int) {
        addTo(tile + 8, -1, Int64.self)
        for operation in tiers[tier].operations {
            let state = tile + operation.offset
            switch operation.kind {
            case .rows: addTo(state, -1, Int64.self)
            case .tail:
                var reference = state.load(as: UInt32.self)
                if reference == 0 { continue }
                pools[operation.pool].remove(&reference, block, index)
                state.storeBytes(of: reference, as: UInt32.self)
            case .count, .sum, .squares:
                if operation.present[index] == 0 { continue }
                if operation.kind == .count {
                    state.storeBytes(of: state.load(as: UInt32.self) &- 1, as: UInt32.self)
                } else {
                    addSum(operation, state, index, isAdded: false, withSquares: operation.kind == .squares)
                }
            case .extremes, .textExtremes, .first, .last, .textFirst, .textLast, .newest: break
            }
        }
    }

    @inline(__always)
    private func addTo<Integer: FixedWidthInteger & BitwiseCopyable>(
        _ state: UnsafeMutableRawPointer, _ amount: Integer, _: Integer.Type
    ) {
        let number = state.assumingMemoryBound(to: Integer.self)
        number[0] &+= amount
    }

    @inline(__always)
    private mutating func addSum(
        _ operation: TileOperation, _ state: UnsafeMutableRawPointer, _ index: Int, isAdded: Bool, withSquares: Bool
    ) {
        let lifted = operation.lifted + index
        guard lifted.pointee.isNarrow else {
            adjustWide(operation, state, index, isAdded: isAdded)
            return
        }
        let count = state.assumingMemoryBound(to: UInt32.self)
        let sum = (state + 8).assumingMemoryBound(to: FixedSum.self)
        let squares = (state + 32).assumingMemoryBound(to: FixedSquares.self)
        if isAdded {
            count[0] &+= 1
            sum.pointee &+= lifted.pointee.sum
            if withSquares { squares.pointee &+= lifted.pointee.squares }
        } else {
            count[0] &-= 1
            sum.pointee &-= lifted.pointee.sum
            if withSquares { squares.pointee &-= lifted.pointee.squares }
        }
    }

    @inline(never)
    private mutating func adjustWide(
        _ operation: TileOperation, _ state: UnsafeMutableRawPointer, _ index: Int, isAdded: Bool
    ) {
        let reference = state.load(fromByteOffset: 4, as: UInt32.self)
        var moments = Moments()
        moments.narrow.count = Int64(state.load(as: UInt32.self))
        if reference != 0 { moments.wide = wide[reference] }
        let number = block.number(operation.input, operation.isReal, index)
        if isAdded { moments.add(number) } else { moments.remove(number) }
        state.storeBytes(of: UInt32(truncatingIfNeeded: moments.narrow.count), as: UInt32.self)
        state.storeBytes(of: kept(moments.wide, reference), toByteOffset: 4, as: UInt32.self)
    }

    private mutating func kept(_ value: WideMoments?, _ reference: UInt32) -> UInt32 {
        guard let value else {
            wide.remove(reference)
            return 0
        }
        if reference == 0 { return wide.insert(value) }
        wide[reference] = value
        return reference
    }

    @inline(__always)
    private func addEnd(_ operation: TileOperation, _ state: UnsafeMutableRawPointer, _ index: Int) {
        let held = state.assumingMemoryBound(to: OrderKey.self)
        let order = block.orders.base[index]
        let value = operation.bits[index]
        let isFirst = operation.kind == .first
        // Of an absent end the time is beyond all times, on the side on which every event wins.
        let wins =
            isFirst
            ? order < held.pointee
            : held.pointee < order
        let isTie = order == held.pointee
        let heldValue = (state + 24).assumingMemoryBound(to: Int64.self)
        if wins || (isTie && (isFirst ? value < heldValue[0] : heldValue[0] < value)) {
            held.pointee = order
            heldValue[0] = value
        }
    }

    private mutating func addTextEnd(_ operation: TileOperation, _ state: UnsafeMutableRawPointer, _ index: Int) {
        let held = state.assumingMemoryBound(to: OrderKey.self)
        let order = block.orders.base[index]
        let text = ByteKey(block.text(operation.input, index))
        let reference = state.load(fromByteOffset: 24, as: UInt32.self)
        let isFirst = operation.kind == .textFirst
        let wins = isFirst ? order < held.pointee : held.pointee < order
        let isTie = order == held.pointee && reference != 0
        if wins || (isTie && (isFirst ? text < texts[reference] : texts[reference] < text)) {
            held.pointee = order
            setText(text, state + 24)
        }
    }

    private mutating func addTextExtremes(_ operation: TileOperation, _ state: UnsafeMutableRawPointer, _ index: Int) {
        let text = ByteKey(block.text(operation.input, index))
        let least = state.load(as: UInt32.self)
        let greatest = state.load(fromByteOffset: 8, as: UInt32.self)
        if least == 0 || text < texts[least] { setText(text, state) }
        if greatest == 0 || texts[greatest] < text { setText(text, state + 8) }
    }

    private mutating func setText(_ text: ByteKey, _ state: UnsafeMutableRawPointer) {
        let reference = state.load(as: UInt32.self)
        if reference == 0 {
            state.storeBytes(of: texts.insert(text), as: UInt32.self)
        } else {
            texts[reference] = text
        }
    }
}
