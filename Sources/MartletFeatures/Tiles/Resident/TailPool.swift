import MartletCore

/// The states of one slot that have no fixed size, by number; 0 is the state of no input.
protocol TailPool: AnyObject {
    func add(_ reference: inout UInt32, _ block: EventBlock, _ index: Int)
    /// Whether the event can be taken out by `remove`; else only the events that stay can tell.
    func canRemove(_ reference: UInt32, _ block: EventBlock, _ index: Int) -> Bool
    func remove(_ reference: inout UInt32, _ block: EventBlock, _ index: Int)
    func release(_ reference: UInt32)
    func write(_ reference: UInt32, to writer: TileWriter, at place: Int)
    func read(_ record: TileRecord, at place: Int) throws(MartletError) -> UInt32
}

/// Values by number, from 1 on, numbers used again.
struct NumberedValues<Value> {
    private var values: [Value?] = [nil]
    private var free: [UInt32] = []

    mutating func insert(_ value: Value) -> UInt32 {
        if let number = free.popLast() {
            values[Int(number)] = value
            return number
        }
        values.append(value)
        return UInt32(values.count - 1)
    }

    mutating func remove(_ number: UInt32) {
        if number == 0 { return }
        values[Int(number)] = nil
        free.append(number)
    }

    /// - Precondition: there is such a number.
    subscript(number: UInt32) -> Value {
        get { values[Int(number)]! }
        _modify { yield &values[Int(number)]! }
    }
}

final class TailStates<State: TailState>: TailPool {
    private var states = NumberedValues<State>()
    private let slot: TileSlot
    private let zero: State
    /// nil where the event has no value.
    private let input: (EventBlock, Int) -> State.Input?
    /// Brings a state beyond its limit into the form in which it is kept.
    private let limit: ((inout State) -> Void)?
    private let canRemove: (State, State.Input) -> Bool
    private let removeInput: (inout State, State.Input) -> Void

    init(
        _ slot: TileSlot, limit: ((inout State) -> Void)? = nil,
        canRemove: @escaping (State, State.Input) -> Bool,
        remove: @escaping (inout State, State.Input) -> Void,
        input: @escaping (EventBlock, Int) -> State.Input?
    ) {
        self.slot = slot
        zero = .zero
        self.input = input
        self.limit = limit
        self.canRemove = canRemove
        removeInput = remove
    }

    func add(_ reference: inout UInt32, _ block: EventBlock, _ index: Int) {
        guard let input = input(block, index) else { return }
        if reference == 0 { reference = states.insert(.zero) }
        states[reference].add(input)
        limit?(&states[reference])
    }

    func canRemove(_ reference: UInt32, _ block: EventBlock, _ index: Int) -> Bool {
        guard let input = input(block, index) else { return true }
        return reference != 0 && canRemove(states[reference], input)
    }

    func remove(_ reference: inout UInt32, _ block: EventBlock, _ index: Int) {
        guard let input = input(block, index) else { return }
        removeInput(&states[reference], input)
        if states[reference] == zero {
            states.remove(reference)
            reference = 0
        }
    }

    func release(_ reference: UInt32) { states.remove(reference) }

    func write(_ reference: UInt32, to writer: TileWriter, at place: Int) {
        if reference != 0 { writer.write(states[reference], slot, at: place) }
    }

    func read(_ record: TileRecord, at place: Int) throws(MartletError) -> UInt32 {
        let state: State = try record.tailState(State.self, slot, at: place)
        return state == zero ? 0 : states.insert(state)
    }
}

extension TailStates where State: InvertibleAccumulator {
    convenience init(
        _ slot: TileSlot, limit: ((inout State) -> Void)? = nil, input: @escaping (EventBlock, Int) -> State.Input?
    ) {
        self.init(
            slot, limit: limit, canRemove: { state, _ in state.isInvertible }, remove: { $0.remove($1) }, input: input)
    }
}

/// The pool of a slot's states, and how an event is their input.
func makeTailPool(_ slot: TileSlot, _ group: StateGroup) -> any TailPool {
    let column = group.key.column ?? -1
    let isReal = slot.isReal
    func isPresent(_ block: EventBlock, _ index: Int) -> Bool { block.presence(column)[index] != 0 }
    func number(_ block: EventBlock, _ index: Int) -> Number? {
        isPresent(block, index) ? block.number(column, isReal, index) : nil
    }
    /// Both zeros are one value where values are counted.
    func counted(_ block: EventBlock, _ index: Int) -> Int64? {
        guard isPresent(block, index) else { return nil }
        let bits = block.bits[column].base[index]
        return isReal && bits == negativeZeroOrderedBits ? 0 : bits
    }
    func text(_ block: EventBlock, _ index: Int) -> ByteKey? {
        isPresent(block, index) ? ByteKey(block.text(column, index)) : nil
    }
    switch slot.family {
    case .skew: return TailStates<SkewMoments>(slot, input: number)
    case .firsts, .lasts:
        if slot.isText { return makeEndPool(slot, text) }
        return makeEndPool(slot) { block, index in
            isPresent(block, index) ? block.bits[column].base[index] : nil
        }
    case .values:
        if slot.isText { return TailStates<ValueCounts<ByteKey>>(slot, limit: limitValues, input: text) }
        return TailStates<ValueCounts<Int64>>(slot, limit: limitValues, input: counted)
    case .registers:
        return TailStates<Registers>(
            slot, canRemove: { _, _ in false }, remove: { _, _ in preconditionFailure("registers have no inverse") }
        ) { block, index in
            if slot.isText { return isPresent(block, index) ? sketchHash(block.text(column, index)) : nil }
            return counted(block, index).map { sketchHash($0) }
        }
    case .sketch: return TailStates<QuantileSketch>(slot, input: number)
    case .keyed: return makeKeyedPool(slot, group)
    case .decayed:
        let halfLife = slot.key.halfLife
        return TailStates<DecayedSums>(slot) { block, index in
            number(block, index).map {
                DecayedSums.Input(time: block.orders.base[index].eventTime, number: $0, halfLife: halfLife)
            }
        }
    case .sessions:
        let gap = slot.key.gap
        return TailStates<Sessions>(
            slot, canRemove: { _, _ in false }, remove: { _, _ in preconditionFailure("sessions have no inverse") }
        ) { block, index in
            isPresent(block, index) ? Sessions.Input(time: block.orders.base[index].eventTime, gap: gap) : nil
        }
    case .rows, .moments, .extremes, .ends, .newest: preconditionFailure("\(slot.family) has a fixed size")
    }
}

private func limitValues<Value>(_ state: inout ValueCounts<Value>) {
    if state.counts.count > differentValuesMaximum { state = state.limited }
}

/// A list without the event is as it was where the event did not come into it.
private func makeEndPool<Value: TailValue>(
    _ slot: TileSlot, _ value: @escaping (EventBlock, Int) -> Value?
) -> any TailPool {
    let length = slot.key.length
    let isFirst = slot.family == .firsts
    return TailStates<EndList<Value>>(
        slot, canRemove: { state, input in !state.ends.contains { $0.order == input.end.order } }, remove: { _, _ in }
    ) { block, index in
        value(block, index).map {
            EndList<Value>.Input(
                end: .init(order: block.orders.base[index], value: $0), length: length, isFirst: isFirst)
        }
    }
}

/// An event counts where both its category and its value are there.
private func makeKeyedPool(_ slot: TileSlot, _ group: StateGroup) -> any TailPool {
    guard let category = group.key.category else { preconditionFailure("the state is split by a column") }
    let column = group.inputIndex
    func number(_ block: EventBlock, _ index: Int) -> Number? {
        guard block.presence(column)[index] & block.presence(category)[index] != 0 else { return nil }
        return slot.needsSum ? block.number(column, slot.isReal, index) : .integer(0)
    }
    func limit<Value>(_ state: inout KeyedMoments<Value>) {
        if state.moments.count > differentValuesMaximum { state = state.limited }
    }
    if slot.isText {
        return TailStates<KeyedMoments<ByteKey>>(slot, limit: limit) { block, index in
            number(block, index).map { .init(category: ByteKey(block.text(category, index)), number: $0) }
        }
    }
    return TailStates<KeyedMoments<Int64>>(slot, limit: limit) { block, index in
        number(block, index).map { .init(category: block.bits[category].base[index], number: $0) }
    }
}
