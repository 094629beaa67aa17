import MartletDefinitions

extension KeyWorkspace {
    /// first and last of one column for all labels and windows. The results are rows.
    func computeEnds(_ group: StateGroup, _ input: Int, _ slots: FeatureSlots, _ firstSlot: Int) {
        if group.needs(.last) { computeLast(group, input, slots, firstSlot) }
        if group.needs(.first) { computeFirst(group, input, slots, firstSlot) }
    }

    /// The latest seen event is the same for all windows that reach back to it.
    private func computeLast(_ group: StateGroup, _ input: Int, _ slots: FeatureSlots, _ firstSlot: Int) {
        let outputs = group.outputs.filter { $0.function == .last }
        let present = present[input].base
        let rows = rows
        targets.reserve(outputs.count)
        let targets = targets.base
        for (index, output) in outputs.enumerated() {
            targets[index] = KernelTarget(
                left: left.base + output.window * labelCount, results: slots.slots(output.feature) + firstSlot)
        }
        var last: Int32 = -1
        var next = 0
        for label in 0..<labelCount {
            let end = Int(scheduleEnds.base[label])
            while next < end {
                let event = schedule.base[next]
                if event > last && present[Int(event)] != 0 { last = event }
                next &+= 1
            }
            for index in 0..<outputs.count {
                let isInside = last >= targets[index].left[label] && last >= 0
                targets[index].results[label] = isInside ? Int64(rows[Int(last)]) : -1
            }
        }
    }

    private func computeFirst(_ group: StateGroup, _ input: Int, _ slots: FeatureSlots, _ firstSlot: Int) {
        let present = present[input].base
        let outputs = group.outputs.filter { $0.function == .first }
        if !isInOrder {
            for output in outputs { slideFirst(output.window, present, slots.slots(output.feature) + firstSlot) }
            return
        }
        // The next present event at or after each one.
        neighbours.reserve(eventCount + 1)
        let following = neighbours.base
        following[eventCount] = Int32(truncatingIfNeeded: eventCount)
        for event in stride(from: eventCount - 1, through: 0, by: -1) {
            following[event] = present[event] != 0 ? Int32(truncatingIfNeeded: event) : following[event + 1]
        }
        for output in outputs {
            let results = slots.slots(output.feature) + firstSlot
            let lefts = left.base + output.window * labelCount
            for label in 0..<labelCount {
                let first = following[Int(lefts[label])]
                results[label] = first < right.base[label] ? Int64(rows[Int(first)]) : -1
            }
        }
    }

    /// With gaps: the first held event is followed forward, and back where an earlier one is seen late.
    private func slideFirst(
        _ window: Int, _ present: UnsafeMutablePointer<UInt8>, _ results: UnsafeMutablePointer<Int64>
    ) {
        let seers = firstSeers.base
        let lefts = left.base + window * labelCount
        // No event before `first` is held, and it is held itself unless it is `eventCount`.
        var first = eventCount
        var next = 0
        for label in 0..<labelCount {
            let start = Int(lefts[label])
            let end = Int(scheduleEnds.base[label])
            if first < start {
                first = start
                while first < eventCount && (present[first] == 0 || Int(seers[first]) >= label) { first &+= 1 }
            }
            while next < end {
                let event = Int(schedule.base[next])
                if event >= start && event < first && present[event] != 0 { first = event }
                next &+= 1
            }
            results[label] = first < eventCount ? Int64(rows[first]) : -1
        }
    }
}
