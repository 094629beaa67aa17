import MartletCore

extension TileStateWriter {
    /// A state of no column, or of the times of the events that have a value.
    func writeTimes(_ slot: TileSlot, _ run: Range<Int>, _ present: UnsafeMutablePointer<UInt8>, _ place: Int) {
        switch slot.family {
        case .rows: writer.store(Int64(run.count), place)
        case .newest:
            let newest = run.last { present[$0] != 0 }
            writer.store(newest.map { workspace.times[$0] } ?? .min, place)
        default:
            write(SessionsKernel(present: present, times: workspace.times, gap: slot.key.gap), slot, run, place)
        }
    }

    /// The state of a family of the general path.
    func write<Kernel: GeneralKernel>(_ kernel: Kernel, _ slot: TileSlot, _ run: Range<Int>, _ place: Int)
    where Kernel.State: TailState {
        var state = Kernel.State.zero
        for event in run where kernel.present[event] != 0 { state.add(kernel.input(event)) }
        writer.write(state, slot, at: place)
    }

    func numbers(_ slot: TileSlot, _ input: Int) -> EventNumbers {
        EventNumbers(bits: workspace.bits[input].base, isReal: slot.isReal)
    }

    func writeRegisters(_ slot: TileSlot, _ input: Int, _ run: Range<Int>, _ place: Int) {
        let present = workspace.present[input].base
        if !slot.isText {
            let bits = workspace.bits[input].base
            write(RegistersKernel(present: present, bits: bits, isReal: slot.isReal, hashes: []), slot, run, place)
            return
        }
        var registers = Registers()
        for event in run where present[event] != 0 { registers.add(sketchHash(text(input, event))) }
        writer.write(registers, slot, at: place)
    }

    func writeValues(_ slot: TileSlot, _ input: Int, _ run: Range<Int>, _ place: Int) {
        let bits = workspace.bits[input].base
        let sorted = sortedValues(input, run) {
            slot.isReal && bits[$0] == negativeZeroOrderedBits ? 0 : bits[$0]
        }
        let different = numberOfRuns(sorted)
        if different == 0 { return }
        writer.writeTail(at: place) {
            guard different <= differentValuesMaximum else {
                var counts = ValueCounts<Int64>()
                forEachRun(sorted) { value, occurrences in counts.counts[value] = Int64(occurrences) }
                counts.append(to: writer, slot)
                return
            }
            writer.append(UInt32(different))
            forEachRun(sorted) { value, occurrences in
                writer.append(occurrences)
                writer.append(value)
            }
        }
    }

    func writeTextValues(_ slot: TileSlot, _ input: Int, _ run: Range<Int>, _ place: Int) {
        let sorted = sortedByText(input, run, workspace.present[input].base)
        let isSame = { (left: Int64, right: Int64) in isSameText(input, left, right) }
        let different = numberOfRuns(sorted, isSame)
        if different == 0 { return }
        writer.writeTail(at: place) {
            guard different <= differentValuesMaximum else {
                var registers = Registers()
                forEachRun(sorted, isSame) { event, _ in registers.add(sketchHash(text(input, Int(event)))) }
                ValueCounts<ByteKey>(registers: registers).append(to: writer, slot)
                return
            }
            writer.append(UInt32(different))
            forEachRun(sorted, isSame) { event, occurrences in
                writer.append(occurrences)
                writer.appendText(text(input, Int(event)))
            }
        }
    }

    func writeSketch(_ slot: TileSlot, _ input: Int, _ run: Range<Int>, _ place: Int) {
        let bits = workspace.bits[input].base
        let sorted = sortedValues(input, run) {
            Int64(bucket(of: slot.isReal ? doubleOfOrderedBits(bits[$0]) : Double(bits[$0])))
        }
        if sorted.isEmpty { return }
        writer.writeTail(at: place) {
            forEachRun(sorted) { bucket, occurrences in
                writer.append(Int32(truncatingIfNeeded: bucket))
                writer.append(occurrences)
            }
        }
    }

    /// The events are in order: only the outermost present ones matter.
    func writeEndList(
        _ slot: TileSlot, _ input: Int, _ run: Range<Int>, _ events: borrowing EventColumns, _ place: Int
    ) {
        let present = workspace.present[input].base
        values.reserve(slot.key.length)
        var count = 0
        let isFirst = slot.family == .firsts
        var event = isFirst ? run.lowerBound : run.upperBound - 1
        while run.contains(event) && count < slot.key.length {
            if present[event] != 0 {
                values.base[count] = Int64(event)
                count += 1
            }
            event += isFirst ? 1 : -1
        }
        if count == 0 { return }
        let list = (0..<count).map { Int(values.base[isFirst ? $0 : count - 1 - $0]) }
        let orders = list.map { events.orderKey(Int(workspace.rows[$0])) }
        writer.writeTail(at: place) {
            for (event, order) in zip(list, orders) {
                writer.append(order)
                if slot.isText {
                    writer.appendText(text(input, event))
                } else {
                    writer.append(workspace.bits[input].base[event])
                }
            }
        }
    }

    /// An event counts where both its category and its value are there.
    func writeKeyed(_ slot: TileSlot, _ input: Int, _ run: Range<Int>, _ place: Int) {
        guard let category = slot.key.category else { preconditionFailure("the state is split by a column") }
        let present = workspace.present[input].base
        let hasCategory = workspace.present[category].base
        let numbers = slot.needsSum ? numbers(slot, input) : nil
        if !slot.isText {
            var state = KeyedMoments<Int64>()
            for event in run where present[event] & hasCategory[event] != 0 {
                state.add(.init(category: workspace.bits[category].base[event], number: numbers?[event] ?? .integer(0)))
            }
            writer.write(state, slot, at: place)
            return
        }
        var state = KeyedMoments<ByteKey>()
        var moments = Moments()
        let sorted = sortedByText(category, run, present).filter { hasCategory[Int($0)] != 0 }
        for (index, event) in sorted.enumerated() {
            moments.add(numbers?[Int(event)] ?? .integer(0))
            if index + 1 == sorted.count || !isSameText(category, event, sorted[index + 1]) {
                state.moments[ByteKey(text(category, Int(event)))] = moments
                moments = Moments()
            }
        }
        writer.write(state, slot, at: place)
    }

    /// The present values of a run, ascending.
    private func sortedValues(
        _ input: Int, _ run: Range<Int>, _ value: (Int) -> Int64
    ) -> UnsafeMutableBufferPointer<Int64> {
        let present = workspace.present[input].base
        values.reserve(run.count)
        var count = 0
        for event in run where present[event] != 0 {
            values.base[count] = value(event)
            count += 1
        }
        var sorted = UnsafeMutableBufferPointer(start: values.base, count: count)
        if count > 1 { sorted.sort() }
        return sorted
    }

    /// The present events of a run in the order of their texts.
    private func sortedByText(
        _ input: Int, _ run: Range<Int>, _ present: UnsafeMutablePointer<UInt8>
    ) -> UnsafeMutableBufferPointer<Int64> {
        values.reserve(run.count)
        var count = 0
        for event in run where present[event] != 0 {
            values.base[count] = Int64(event)
            count += 1
        }
        var sorted = UnsafeMutableBufferPointer(start: values.base, count: count)
        if count > 1 { sorted.sort { compareBytes(text(input, Int($0)), text(input, Int($1))) < 0 } }
        return sorted
    }

    private func isSameText(_ input: Int, _ left: Int64, _ right: Int64) -> Bool {
        compareBytes(text(input, Int(left)), text(input, Int(right))) == 0
    }
}

private func numberOfRuns(
    _ sorted: UnsafeMutableBufferPointer<Int64>, _ isSame: (Int64, Int64) -> Bool = (==)
) -> Int {
    var count = 0
    forEachRun(sorted, isSame) { _, _ in count += 1 }
    return count
}

/// Calls `body` for each run of same values with its first and its length.
private func forEachRun(
    _ sorted: UnsafeMutableBufferPointer<Int64>, _ isSame: (Int64, Int64) -> Bool = (==),
    body: (Int64, UInt32) -> Void
) {
    var first = 0
    while first < sorted.count {
        var end = first + 1
        while end < sorted.count && isSame(sorted[first], sorted[end]) { end += 1 }
        body(sorted[first], UInt32(truncatingIfNeeded: end - first))
        first = end
    }
}
