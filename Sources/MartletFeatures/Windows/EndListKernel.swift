import MartletDefinitions

extension KeyWorkspace {
    /// first_n or last_n of one column for all labels and windows: a walk from the end of each window over the events
    /// that the label sees. The results are rows. O(values and what is skipped between them) a label and window.
    func computeEndLists(_ group: StateGroup, _ input: Int, _ slots: FeatureSlots, _ firstSlot: Int) {
        let present = present[input].base
        let seers = firstSeers.base
        let length = group.key.length
        for output in group.outputs {
            let results = slots.lists(output.feature) + firstSlot
            let lefts = left.base + output.window * labelCount
            for label in 0..<labelCount {
                let (start, end) = (Int(lefts[label]), Int(right.base[label]))
                var list: [Int32] = []
                if group.family == .firsts {
                    var event = start
                    while event < end && list.count < length {
                        if present[event] != 0 && Int(seers[event]) <= label { list.append(rows[event]) }
                        event &+= 1
                    }
                } else {
                    var event = end
                    while event > start && list.count < length {
                        event &-= 1
                        if present[event] != 0 && Int(seers[event]) <= label { list.append(rows[event]) }
                    }
                    list.reverse()
                }
                results[label] = NestedRows(rows: list)
            }
        }
    }

    /// The time of the newest event for all labels and windows; the smallest number where there is none.
    func computeNewest(_ group: StateGroup, _ slots: FeatureSlots, _ firstSlot: Int) {
        let present = presence(group.key.column)
        for output in group.outputs {
            let results = slots.slots(output.feature) + firstSlot
            let lefts = left.base + output.window * labelCount
            var last: Int32 = -1
            var next = 0
            for label in 0..<labelCount {
                let end = Int(scheduleEnds.base[label])
                while next < end {
                    let event = schedule.base[next]
                    if event > last && present[Int(event)] != 0 { last = event }
                    next &+= 1
                }
                results[label] = last >= lefts[label] && last >= 0 ? times[Int(last)] : .min
            }
        }
    }
}
