extension EventColumns {
    /// These events without those that were taken back, which belong to nobody then.
    package func withoutRemoved() -> EventColumns {
        guard let removals = removalTimes else { return self }
        var live = self
        for (row, removal) in removals.enumerated() where removal != .max { live.ids[row] = -1 }
        live.removalTimes = nil
        return live
    }

    /// Whether a removal keeps the event from counting at `time`.
    func isRemoved(_ row: Int, at time: Int64, asKnown: Bool) -> Bool {
        guard let removal = removalTimes?[row] else { return false }
        return asKnown ? removal <= time : removal != .max
    }
}
