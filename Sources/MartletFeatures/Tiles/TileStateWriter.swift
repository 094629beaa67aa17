import MartletCore

/// Turns the events of one entity into the states of tiles, straight from the workspace into the record.
struct TileStateWriter {
    let plan: WindowPlan
    let views: [ColumnView]
    let workspace: KeyWorkspace
    let writer: TileWriter
    /// Values or events of one tile while they are sorted.
    let values = Scratch<Int64>()

    init(plan: WindowPlan, views: [ColumnView], workspace: KeyWorkspace, writer: TileWriter) {
        self.plan = plan
        self.views = views
        self.workspace = workspace
        self.writer = writer
    }

    /// Writes the state of the events in `run`, at `place`.
    func write(_ slot: TileSlot, _ run: Range<Int>, _ events: borrowing EventColumns, at place: Int) {
        guard let input = plan.groups[slot.group].key.column else {
            writeTimes(slot, run, workspace.presence(nil), place)
            return
        }
        let present = workspace.present[input].base
        switch slot.family {
        case .rows, .newest, .sessions: writeTimes(slot, run, present, place)
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
        case .values:
            if slot.isText { writeTextValues(slot, input, run, place) } else { writeValues(slot, input, run, place) }
        case .sketch: writeSketch(slot, input, run, place)
        case .firsts, .lasts: writeEndList(slot, input, run, events, place)
        case .keyed: writeKeyed(slot, input, run, place)
        case .registers: writeRegisters(slot, input, run, place)
        case .skew:
            write(SkewKernel(present: present, numbers: numbers(slot, input)), slot, run, place)
        case .decayed:
            let kernel = DecayedKernel(
                present: present, times: workspace.times, numbers: numbers(slot, input), halfLife: slot.key.halfLife)
            write(kernel, slot, run, place)
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

    func text(_ input: Int, _ event: Int) -> UnsafeRawBufferPointer {
        views[input].text(Int(workspace.rows[event]))
    }
}
