import MartletDefinitions

/// What the general path needs to know of a family: its state, and the input that an event is.
protocol GeneralKernel {
    associatedtype State: Accumulator where State.Output == Lowered<Int64>
    /// Whether each event counts.
    var present: UnsafeMutablePointer<UInt8> { get }
    func input(_ event: Int) -> State.Input
}

struct SkewKernel: GeneralKernel {
    typealias State = SkewMoments
    let present: UnsafeMutablePointer<UInt8>
    let numbers: EventNumbers
    func input(_ event: Int) -> Number { numbers[event] }
}

struct RegistersKernel: GeneralKernel {
    typealias State = Registers
    let present: UnsafeMutablePointer<UInt8>
    let bits: UnsafeMutablePointer<Int64>
    let isReal: Bool
    /// Of texts, by their numbers; empty for numbers.
    let hashes: [UInt64]
    func input(_ event: Int) -> UInt64 {
        hash(isReal && bits[event] == negativeZeroOrderedBits ? 0 : bits[event], hashes)
    }
}

struct SessionsKernel: GeneralKernel {
    typealias State = Sessions
    let present: UnsafeMutablePointer<UInt8>
    let times: UnsafeMutablePointer<Int64>
    let gap: Int64
    func input(_ event: Int) -> Sessions.Input { Sessions.Input(time: times[event], gap: gap) }
}

struct DecayedKernel: GeneralKernel {
    typealias State = DecayedSums
    let present: UnsafeMutablePointer<UInt8>
    let times: UnsafeMutablePointer<Int64>
    let numbers: EventNumbers
    let halfLife: Int64
    func input(_ event: Int) -> DecayedSums.Input {
        DecayedSums.Input(time: times[event], number: numbers[event], halfLife: halfLife)
    }
}

/// Categories are codes of the entity, in their order.
struct KeyedKernel: GeneralKernel {
    typealias State = KeyedMoments<Int64>
    let present: UnsafeMutablePointer<UInt8>
    let codes: UnsafeMutablePointer<Int32>
    /// nil where values are only counted.
    let numbers: EventNumbers?
    func input(_ event: Int) -> State.Input {
        State.Input(category: Int64(codes[event]), number: numbers?[event] ?? .integer(0))
    }
}

/// The values of a column by event.
struct EventNumbers {
    let bits: UnsafeMutablePointer<Int64>
    let isReal: Bool

    subscript(event: Int) -> Number { isReal ? .real(doubleOfOrderedBits(bits[event])) : .integer(bits[event]) }
}

extension KeyWorkspace {
    /// A family of the general path for all labels and windows.
    func computeGeneral(_ group: StateGroup, _ hashes: [UInt64], _ slots: FeatureSlots, _ firstSlot: Int) {
        let present = presence(group.key.column)
        switch group.family {
        case .skew: slideState(SkewKernel(present: present, numbers: numbers(group)), group, slots, firstSlot)
        case .decayed:
            slideState(
                DecayedKernel(present: present, times: times, numbers: numbers(group), halfLife: group.key.halfLife),
                group, slots, firstSlot)
        case .keyed: computeKeyed(group, slots, firstSlot)
        case .registers:
            scanState(
                RegistersKernel(
                    present: present, bits: bits[group.inputIndex].base, isReal: group.isReal, hashes: hashes),
                group, slots, firstSlot)
        case .rows, .moments, .extremes, .ends, .firsts, .lasts, .newest, .values, .sketch, .sessions:
            preconditionFailure("\(group.family) has a kernel of its own")
        }
    }

    private func numbers(_ group: StateGroup) -> EventNumbers {
        EventNumbers(bits: bits[group.inputIndex].base, isReal: group.isReal)
    }

    private func computeKeyed(_ group: StateGroup, _ slots: FeatureSlots, _ firstSlot: Int) {
        guard let category = group.key.category else { preconditionFailure("the state is split by a column") }
        sortCodes(makeCodes(category, isReal: false))
        // An event counts where both its category and its value are there.
        bothPresent.reserve(eventCount)
        for event in 0..<eventCount {
            bothPresent.base[event] = present[category].base[event] & present[group.inputIndex].base[event]
        }
        let kernel = KeyedKernel(
            present: bothPresent.base, codes: codes.base, numbers: group.needsSum ? numbers(group) : nil)
        slideState(kernel, group, slots, firstSlot)
    }

    /// Values are added on the right and taken away on the left (subtract-on-evict).
    private func slideState<Kernel: GeneralKernel>(
        _ kernel: Kernel, _ group: StateGroup, _ slots: FeatureSlots, _ firstSlot: Int
    ) where Kernel.State: InvertibleAccumulator {
        for window in Set(group.outputs.map(\.window)) {
            let outputs = group.outputs.filter { $0.window == window }
            var state = Kernel.State.zero
            slide(window, kernel.present) { event in
                state.add(kernel.input(event))
            } remove: { event in
                state.remove(kernel.input(event))
            } lower: { label in
                for output in outputs { write(state, output, label, slots, firstSlot) }
            }
        }
    }

    /// For states without an inverse.
    private func scanState<Kernel: GeneralKernel>(
        _ kernel: Kernel, _ group: StateGroup, _ slots: FeatureSlots, _ firstSlot: Int
    ) {
        let seers = firstSeers.base
        for window in Set(group.outputs.map(\.window)) {
            let outputs = group.outputs.filter { $0.window == window }
            let lefts = left.base + window * labelCount
            var stacks = TwoStacksLite<Kernel.State>()
            var next = 0
            for label in 0..<labelCount {
                let start = Int(lefts[label])
                while next < Int(scheduleEnds.base[label]) {
                    let event = Int(schedule.base[next])
                    if event >= start && kernel.present[event] != 0 { stacks.insert(event, kernel.input(event)) }
                    next &+= 1
                }
                let state = stacks.state(from: start, to: Int(right.base[label])) { event in
                    kernel.present[event] != 0 && Int(seers[event]) <= label ? kernel.input(event) : nil
                }
                for output in outputs { write(state, output, label, slots, firstSlot) }
            }
        }
    }

    private func write<State: Accumulator>(
        _ state: State, _ output: StateGroup.Output, _ label: Int, _ slots: FeatureSlots, _ firstSlot: Int
    ) where State.Output == Lowered<Int64> {
        var parameters = output.parameters
        parameters.time = labelTimes.base[label] &- lag
        func rows(_ codes: [Int64]) -> [Int32] { codes.map { codeRows.base[Int($0)] } }
        let place = firstSlot + label
        switch state.lower(output.function, parameters) {
        case .integer(let count): slots.slots(output.feature)[place] = count
        case .real(let value): slots.slots(output.feature)[place] = slot(value)
        case .counts(let codes, let counts):
            slots.lists(output.feature)[place] = NestedRows(rows: rows(codes), values: counts)
        case .numbers(let codes, let values):
            slots.lists(output.feature)[place] = NestedRows(rows: rows(codes), values: values.map { slot($0) })
        case .list(let codes): slots.lists(output.feature)[place] = NestedRows(rows: rows(codes))
        case nil: slots.setNull(output.feature, place)
        }
    }
}
