import MartletDefinitions

/// Up to this many events a stack is walked.
private let searchedDepth = 24

extension KeyWorkspace {
    /// min or max of one column for all labels and windows. The results are rows; of doubles and floats they are the
    /// values, which would have to be read from all over memory once more.
    ///
    /// One monotonic stack serves all windows, because they share their right end: it holds the seen events that no
    /// later seen event beats, so that the extreme of a window is the first of them at or after its left end. Where an
    /// event is seen late, it is put in its place or is beaten already. Amortized O(1) an event, O(log) a label and
    /// window. (The sliding-window minimum by ascending minima, here with a search instead of a queue for each window.)
    func computeExtremes(
        _ function: AggregateFunction, _ group: StateGroup, _ input: Int, _ slots: FeatureSlots, _ firstSlot: Int
    ) {
        let outputs = group.outputs.filter { $0.function == function }
        if outputs.isEmpty { return }
        stack.reserve(eventCount)
        let stack = stack.base
        let rows = rows
        targets.reserve(outputs.count)
        let targets = targets.base
        for (index, output) in outputs.enumerated() {
            targets[index] = KernelTarget(
                left: left.base + output.window * labelCount, results: slots.slots(output.feature) + firstSlot)
        }
        let bits = bits[input].base
        let present = present[input].base
        // With all bits turned over the order is the other way round, so that a minimum is a maximum too.
        let flip: Int64 = function == .min ? -1 : 0
        let isReal = group.isReal
        var depth = 0
        var next = 0
        for label in 0..<labelCount {
            let end = Int(scheduleEnds.base[label])
            while next < end {
                let event = schedule.base[next]
                next &+= 1
                if present[Int(event)] == 0 { continue }
                if depth == 0 || stack[depth &- 1] < event {
                    let value = bits[Int(event)] ^ flip
                    while depth > 0 && bits[Int(stack[depth &- 1])] ^ flip <= value { depth &-= 1 }
                    stack[depth] = event
                    depth &+= 1
                } else {
                    depth = insert(event, stack, depth, bits, flip)
                }
            }
            // A window mostly begins near where the one before it does; a deep stack is searched.
            var first = depth
            for index in 0..<outputs.count {
                let left = targets[index].left[label]
                if depth > searchedDepth {
                    first = firstAtOrAfter(left, stack, depth)
                } else {
                    while first > 0 && stack[first &- 1] >= left { first &-= 1 }
                    while first < depth && stack[first] < left { first &+= 1 }
                }
                let result: Int64
                if first < depth {
                    let event = Int(stack[first])
                    result =
                        isReal
                        ? Int64(bitPattern: doubleOfOrderedBits(bits[event]).bitPattern) : Int64(rows[event])
                } else {
                    result = isReal ? nullReal : -1
                }
                targets[index].results[label] = result
            }
        }
    }
}

/// Puts an event that is seen after later ones into the stack.
/// - Returns: the new depth.
private func insert(
    _ event: Int32, _ stack: UnsafeMutablePointer<Int32>, _ depth: Int, _ bits: UnsafeMutablePointer<Int64>,
    _ flip: Int64
) -> Int {
    let place = firstAtOrAfter(event, stack, depth)
    let value = bits[Int(event)] ^ flip
    if place < depth && bits[Int(stack[place])] ^ flip >= value { return depth }
    var start = place
    while start > 0 && bits[Int(stack[start - 1])] ^ flip <= value { start -= 1 }
    // `start..<place` are beaten; the event takes their room and the later ones follow.
    let later = depth - place
    (stack + start + 1).update(from: stack + place, count: later)
    stack[start] = event
    return start + 1 + later
}

/// The stack's events ascend.
@inline(__always)
private func firstAtOrAfter(_ event: Int32, _ stack: UnsafeMutablePointer<Int32>, _ depth: Int) -> Int {
    var start = 0
    var count = depth
    while count > 0 {
        let half = count &>> 1
        let isBefore = stack[start &+ half] < event
        start = isBefore ? start &+ half &+ 1 : start
        count = isBefore ? count &- half &- 1 : half
    }
    return start
}
