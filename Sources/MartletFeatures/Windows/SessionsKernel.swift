import MartletDefinitions

extension KeyWorkspace {
    /// session_count of all labels and windows: one more than the neighbours among the events that a window holds that
    /// are more than the gap apart. An event that comes or goes changes nothing but what lies between its neighbours,
    /// wherever it stands, so that late events cost no more than others. O(log64 of the events) an event and window.
    func computeSessions(_ group: StateGroup, _ slots: FeatureSlots, _ firstSlot: Int) {
        let present = presence(group.key.column)
        let gap = group.key.gap
        for window in Set(group.outputs.map(\.window)) {
            let outputs = group.outputs.filter { $0.window == window }
            heldEvents.removeAll(room: eventCount)
            var breaks: Int64 = 0
            slide(window, present) { event in
                breaks &+= breaksAdded(by: event, gap)
                heldEvents.insert(event)
            } remove: { event in
                heldEvents.remove(event)
                breaks &-= breaksAdded(by: event, gap)
            } lower: { label in
                let sessions = heldEvents.count == 0 ? 0 : breaks &+ 1
                for output in outputs { slots.slots(output.feature)[firstSlot + label] = sessions }
            }
        }
    }

    /// How many more breaks the held events have with this one among them.
    private func breaksAdded(by event: Int, _ gap: Int64) -> Int64 {
        func breaks(_ first: Int, _ second: Int) -> Int64 { times[second] &- times[first] > gap ? 1 : 0 }
        let before = heldEvents.last(before: event)
        let after = heldEvents.first(after: event)
        var added: Int64 = 0
        if let before { added += breaks(before, event) }
        if let after { added += breaks(event, after) }
        if let before, let after { added -= breaks(before, after) }
        return added
    }
}
