import MartletDefinitions

/// Up to this many events an entity's prefix sums are kept (72 bytes each); beyond it windows slide.
private let prefixEventCountMax = 65_536

extension KeyWorkspace {
    /// The number of rows for all labels and windows.
    func computeRowCounts(_ group: StateGroup, _ slots: FeatureSlots, _ firstSlot: Int) {
        for output in group.outputs {
            let results = slots.slots(output.feature) + firstSlot
            let lefts = left.base + output.window * labelCount
            if isInOrder {
                for label in 0..<labelCount { results[label] = Int64(right.base[label] &- lefts[label]) }
                continue
            }
            var count: Int64 = 0
            slide(output.window, presence(nil)) { _ in
                count &+= 1
            } remove: { _ in
                count &-= 1
            } lower: { label in
                results[label] = count
            }
        }
    }

    /// count, sum, mean, variance and stddev of one column for all labels and windows.
    ///
    /// Sums are exact integers, so that the sum of a window is the difference of two prefix sums, whatever its length.
    /// Where that cannot be (gaps, huge entities, values that are not narrow), each window slides: values are added on
    /// the right and subtracted on the left (subtract-on-evict). The bits are the same.
    func computeMoments(_ group: StateGroup, _ input: Int, _ slots: FeatureSlots, _ firstSlot: Int) {
        if isInOrder && eventCount <= prefixEventCountMax && makePrefix(group, input) {
            for output in group.outputs {
                let results = slots.slots(output.feature) + firstSlot
                lowerPrefix(output.function, left.base + output.window * labelCount, results)
            }
            return
        }
        // The outputs of one window slide together.
        for window in Set(group.outputs.map(\.window)) {
            let outputs = group.outputs.filter { $0.window == window }
            slideMoments(group, input, window) { label, moments in
                for output in outputs {
                    let result = slots.slots(output.feature) + firstSlot + label
                    result.pointee =
                        output.function == .count ? moments.count : slot(moments.lower(output.function))
                }
            }
        }
    }

    /// - Returns: false where some value is not narrow.
    private func makePrefix(_ group: StateGroup, _ input: Int) -> Bool {
        prefix.reserve(eventCount + 1)
        if !group.needsSum { return makeCountPrefix(input) }
        return group.isReal
            ? makePrefix(input, needsSquares: group.needsSquares) { ExactNumber(doubleOfOrderedBits($0)) }
            : makePrefix(input, needsSquares: group.needsSquares) { ExactNumber($0) }
    }

    private func makeCountPrefix(_ input: Int) -> Bool {
        let present = present[input].base
        var running = NarrowMoments()
        prefix.base[0] = running
        for event in 0..<eventCount {
            running.count &+= Int64(present[event])
            prefix.base[event &+ 1].count = running.count
        }
        return true
    }

    @inline(__always)
    private func makePrefix(_ input: Int, needsSquares: Bool, _ number: (Int64) -> ExactNumber) -> Bool {
        let bits = bits[input].base
        let present = present[input].base
        let prefix = prefix.base
        var running = NarrowMoments()
        prefix[0] = running
        for event in 0..<eventCount {
            if present[event] != 0 {
                // An infinity looks like a number of a great exponent here, and is not narrow either.
                let number = number(bits[event])
                if !number.isNarrow { return false }
                running.count &+= 1
                running.sum &+= FixedSum(number)
                if needsSquares { running.squares &+= FixedSquares(squareOf: number) }
            }
            prefix[event &+ 1] = running
        }
        return true
    }

    private func lowerPrefix(
        _ function: AggregateFunction, _ lefts: UnsafeMutablePointer<Int32>, _ results: UnsafeMutablePointer<Int64>
    ) {
        let prefix = prefix.base
        let rights = right.base
        switch function {
        case .count:
            for label in 0..<labelCount {
                results[label] = prefix[Int(rights[label])].count &- prefix[Int(lefts[label])].count
            }
        case .sum:
            for label in 0..<labelCount {
                var sum = prefix[Int(rights[label])].sum
                sum &-= prefix[Int(lefts[label])].sum
                results[label] = Int64(bitPattern: sum.rounded.value.bitPattern)
            }
        case .mean:
            for label in 0..<labelCount {
                let count = prefix[Int(rights[label])].count &- prefix[Int(lefts[label])].count
                var sum = prefix[Int(rights[label])].sum
                sum &-= prefix[Int(lefts[label])].sum
                results[label] = count == 0 ? nullReal : Int64(bitPattern: meanOf(sum.rounded, count: count).bitPattern)
            }
        case .stddev: lowerDeviations(lefts, results) { standardDeviationOf($0, count: $1) }
        case .variance: lowerDeviations(lefts, results) { varianceOf($0, count: $1) }
        default: preconditionFailure("\(function) is not a moment")
        }
    }

    @inline(__always)
    private func lowerDeviations(
        _ lefts: UnsafeMutablePointer<Int32>, _ results: UnsafeMutablePointer<Int64>,
        _ value: (ScaledDouble, Int64) -> Double
    ) {
        for label in 0..<labelCount {
            var moments = prefix.base[Int(right.base[label])]
            moments &-= prefix.base[Int(lefts[label])]
            results[label] =
                moments.count < 2
                ? nullReal : Int64(bitPattern: value(moments.deviations, moments.count).bitPattern)
        }
    }

    private func slideMoments(_ group: StateGroup, _ input: Int, _ window: Int, _ body: (Int, Moments) -> Void) {
        let bits = bits[input].base
        let isReal = group.isReal
        let needsSum = group.needsSum
        var moments = Moments()
        slide(window, present[input].base) { event in
            if !needsSum {
                moments.narrow.count += 1
            } else {
                moments.add(isReal ? .real(doubleOfOrderedBits(bits[event])) : .integer(bits[event]))
            }
        } remove: { event in
            if !needsSum {
                moments.narrow.count -= 1
            } else {
                moments.remove(isReal ? .real(doubleOfOrderedBits(bits[event])) : .integer(bits[event]))
            }
        } lower: { label in
            body(label, moments)
        }
    }

    /// Slides a window over the labels: `add` and `remove` for every present event it comes to hold and ceases to hold,
    /// then `lower` for the label. Each event is added and removed once at most.
    @inline(__always)
    func slide(
        _ window: Int, _ present: UnsafeMutablePointer<UInt8>, add: (Int) -> Void, remove: (Int) -> Void,
        lower: (Int) -> Void
    ) {
        let lefts = left.base + window * labelCount
        let seers = firstSeers.base
        var start = 0
        var next = 0
        for label in 0..<labelCount {
            let newStart = Int(lefts[label])
            while start < newStart {
                // Held until now only if an earlier label saw it.
                if present[start] != 0 && Int(seers[start]) < label { remove(start) }
                start &+= 1
            }
            let end = Int(scheduleEnds.base[label])
            while next < end {
                let event = Int(schedule.base[next])
                if event >= start && present[event] != 0 { add(event) }
                next &+= 1
            }
            lower(label)
        }
    }
}
