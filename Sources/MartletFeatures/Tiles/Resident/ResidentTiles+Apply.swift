package import MartletCore

extension ResidentTiles {
    /// Adds events. An event of a time that a tile has already passed corrects that tile; where no window reaches that
    /// far back any more it is counted and left out.
    ///
    /// - Parameters:
    ///   - events: their ids are keys; negative ones belong to nobody. With `positions`, that differ for each.
    ///   - rows: only these rows, in any order; nil means all.
    /// - Throws: `invalidInput` for events without positions, else as `WindowPlan.compute`, before anything is changed.
    package mutating func apply(
        _ events: borrowing EventColumns, rows: [Int32]? = nil
    ) throws(MartletError) -> Counts {
        try check(events)
        var counts = Counts()
        let wanted = rows ?? Array(0..<Int32(events.count))
        var greatest: Int32 = -1
        for row in wanted { greatest = max(greatest, events.ids[Int(row)]) }
        reserveKeys(greatest + 1)
        withColumnViews(events.inputs) { views in
            block.views = views
            var next = 0
            while next < wanted.count {
                let end = min(next + EventBlock.length, wanted.count)
                block.removeAll()
                for row in wanted[next..<end] where events.ids[Int(row)] >= 0 {
                    block.append(row: row, key: events.ids[Int(row)], events.orderKey(Int(row)))
                }
                block.gather()
                approach()
                for index in 0..<block.count { add(index, &counts) }
                next = end
            }
            block.views = []
        }
        return counts
    }

    func check(_ events: borrowing EventColumns) throws(MartletError) {
        try plan.check(copy events)
        try checkTimes(events.eventTimes, "event time")
        try requireArrivalTimes(copy events, asKnown: false)
        guard events.positions != nil || events.count == 0 else {
            throw MartletError(.invalidInput, "resident tiles need the positions of the events in the log")
        }
    }

    /// Reads a byte of each cache line that the block will change, one event after another without waiting, so that the
    /// lines are on their way all at once.
    private mutating func approach() {
        var sum: UInt8 = 0
        let count = block.count
        let keys = block.keys.base
        for index in 0..<count {
            let head = UnsafeRawPointer(head(keys[index]))
            var offset = 0
            while offset < keyByteCount {
                sum &+= head.load(fromByteOffset: offset, as: UInt8.self)
                offset &+= 64
            }
        }
        sink &+= sum
    }

    @inline(__always)
    private mutating func add(_ index: Int, _ counts: inout Counts) {
        let order = block.orders.base[index]
        let key = block.keys.base[index]
        let head = head(key)
        head.pointee.newestEventTime = max(head.pointee.newestEventTime, order.eventTime)
        head.pointee.newestArrivalTime = max(head.pointee.newestArrivalTime, order.arrivalTime)
        var isApplied = false
        var isLate = false
        let tierCount = tiers.count
        for tier in 0..<tierCount {
            let run = run(tier, key)
            let newestStart = run.pointee.newestStart
            let tile: UnsafeMutableRawPointer
            if run.pointee.count > 0 && order.eventTime >= newestStart
                && order.eventTime &- newestStart < hot[tier].hop
            {
                if newestStart < hot[tier].oldest { continue }
                tile = newestTile(tier, run)
            } else {
                let start = flooredToMultiple(order.eventTime, of: hot[tier].hop)
                if start < hot[tier].oldest { continue }
                if start < newestStart { isLate = true }
                tile = makeTile(tier, run, start: start)
            }
            isApplied = true
            add(index, to: tile, tier)
            if hot[tier].keepsNewest { keepNewest(tier, run) }
        }
        if isApplied { counts.applied &+= 1 } else { counts.beyondReach &+= 1 }
        if isLate { counts.late &+= 1 }
    }
}
