import MartletCore

/// Turns the events of one entity into the states of tiles, straight from the workspace into the record.
struct TileStateWriter {
    let plan: WindowPlan
    let views: [ColumnView]
    let workspace: KeyWorkspace
    let writer: TileWriter
    /// Values or events of one tile while they are sorted.
    private let values = Scratch<Int64>()

    init(plan: WindowPlan, views: [ColumnView], workspace: KeyWorkspace, writer: TileWriter) {
        self.plan = plan
        self.views = views
        self.workspace = workspace
        self.writer = writer
    }

    /// Writes the state of the events in `run`, at `place`.
    func write(_ slot: TileSlot, _ run: Range<Int>, _ events: borrowing EventColumns, at place: Int) {
        if slot.family == .rows {
            writer.store(Int64(run.count), place)
            return
        }
        let input = plan.groups[slot.group].inputIndex
        let present = workspace.present[input].base
        switch slot.family {
        case .rows: break
        case .moments: writer.write(moments(slot, input, run), slot, at: place)
        case .extremes:
            if slot.isText { writeTextExtremes(input, run, place) } else { writeExtremes(input, run, place) }
        case .ends:
            // The events are in order: only the outermost present ones matter.
            if slot.needsFirst {
                writeEnd(run.first { present[$0] != 0 }, absentFirstTime, slot, input, events, place)
            }
            if slot.needsLast {
                let lastPlace = place + (slot.needsFirst ? 32 : 0)
                writeEnd(run.last { present[$0] != 0 }, absentLastTime, slot, input, events, lastPlace)
            }
        case .distinct:
            if slot.isText { writeTextDistinct(input, run, place) } else { writeDistinct(slot, input, run, place) }
        }
    }

    private func moments(_ slot: TileSlot, _ input: Int, _ run: Range<Int>) -> Moments {
        let bits = workspace.bits[input].base
        let present = workspace.present[input].base
        var narrow = NarrowMoments()
        for event in run where present[event] != 0 {
            if slot.needsSum {
                let number = slot.isReal ? ExactNumber(doubleOfOrderedBits(bits[event])) : ExactNumber(bits[event])
                if !number.isNarrow { return wideMoments(slot, input, run) }
                narrow.sum &+= FixedSum(number)
                if slot.needsSquares { narrow.squares &+= FixedSquares(squareOf: number) }
            }
            narrow.count &+= 1
        }
        return Moments(narrow: narrow, wide: nil)
    }

    @inline(never)
    private func wideMoments(_ slot: TileSlot, _ input: Int, _ run: Range<Int>) -> Moments {
        let bits = workspace.bits[input].base
        let present = workspace.present[input].base
        var moments = Moments()
        for event in run where present[event] != 0 {
            moments.add(slot.isReal ? .real(doubleOfOrderedBits(bits[event])) : .integer(bits[event]))
        }
        return moments
    }

    private func writeExtremes(_ input: Int, _ run: Range<Int>, _ place: Int) {
        let bits = workspace.bits[input].base
        let present = workspace.present[input].base
        var minimum = Int64.max
        var maximum = Int64.min
        for event in run where present[event] != 0 {
            minimum = min(minimum, bits[event])
            maximum = max(maximum, bits[event])
        }
        writer.store(minimum, place)
        writer.store(maximum, place + 8)
    }

    private func writeTextExtremes(_ input: Int, _ run: Range<Int>, _ place: Int) {
        let present = workspace.present[input].base
        var minimum: UnsafeRawBufferPointer?
        var maximum: UnsafeRawBufferPointer?
        for event in run where present[event] != 0 {
            let text = text(input, event)
            if minimum.map({ compareBytes(text, $0) < 0 }) ?? true { minimum = text }
            if maximum.map({ compareBytes(text, $0) > 0 }) ?? true { maximum = text }
        }
        if let minimum { writer.write(minimum, at: place) }
        if let maximum { writer.write(maximum, at: place + 8) }
    }

    private func writeEnd(
        _ event: Int?, _ absentTime: Int64, _ slot: TileSlot, _ input: Int, _ events: borrowing EventColumns,
        _ place: Int
    ) {
        guard let event else {
            writer.store(absentTime, place)
            return
        }
        writer.write(events.orderKey(Int(workspace.rows[event])), at: place)
        if slot.isText {
            writer.write(text(input, event), at: place + 24)
        } else {
            writer.store(workspace.bits[input].base[event], place + 24)
        }
    }

    private func writeDistinct(_ slot: TileSlot, _ input: Int, _ run: Range<Int>, _ place: Int) {
        let bits = workspace.bits[input].base
        let present = workspace.present[input].base
        values.reserve(run.count)
        var count = 0
        for event in run where present[event] != 0 {
            values.base[count] = slot.isReal && bits[event] == negativeZeroOrderedBits ? 0 : bits[event]
            count += 1
        }
        var sorted = UnsafeMutableBufferPointer(start: values.base, count: count)
        if count > 1 { sorted.sort() }
        var different = 0
        for index in 0..<count where index == 0 || sorted[index] != sorted[index - 1] { different += 1 }
        writer.beginDistinct(different, at: place)
        for index in 0..<count where index == 0 || sorted[index] != sorted[index - 1] { writer.append(sorted[index]) }
        forEachRun(count) {
            sorted[$0] == sorted[$1]
        } body: { _, occurrences in
            writer.append(occurrences)
        }
    }

    private func writeTextDistinct(_ input: Int, _ run: Range<Int>, _ place: Int) {
        let present = workspace.present[input].base
        values.reserve(run.count)
        var count = 0
        for event in run where present[event] != 0 {
            values.base[count] = Int64(event)
            count += 1
        }
        var sorted = UnsafeMutableBufferPointer(start: values.base, count: count)
        sorted.sort { compareBytes(text(input, Int($0)), text(input, Int($1))) < 0 }
        func isSame(_ left: Int, _ right: Int) -> Bool {
            compareBytes(text(input, Int(sorted[left])), text(input, Int(sorted[right]))) == 0
        }
        var different = 0
        forEachRun(count, isSame) { _, _ in different += 1 }
        writer.beginDistinct(different, at: place)
        forEachRun(count, isSame) { first, occurrences in
            writer.appendDistinct(text(input, Int(sorted[first])), occurrences: occurrences)
        }
    }

    private func forEachRun(_ count: Int, _ isSame: (Int, Int) -> Bool, body: (Int, UInt32) -> Void) {
        var first = 0
        while first < count {
            var end = first + 1
            while end < count && isSame(first, end) { end += 1 }
            body(first, UInt32(truncatingIfNeeded: end - first))
            first = end
        }
    }

    private func text(_ input: Int, _ event: Int) -> UnsafeRawBufferPointer {
        views[input].text(Int(workspace.rows[event]))
    }
}
