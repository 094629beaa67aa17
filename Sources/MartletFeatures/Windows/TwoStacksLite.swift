/// The state of a sliding window for what has no inverse: Two-Stacks-Lite (Tangwongsan, Hirzel, Schneider, "In-order
/// sliding-window aggregation in worst-case constant time", VLDB Journal 2021, section 4).
///
/// The window is a range of event numbers of which both ends only grow. Its events are in two parts. The back is one
/// state to which new events are added. The front keeps for some of its events the state of everything from there to
/// its end, so that the left end moves by dropping states; when it has moved past the front, all events become the
/// front, which is read from its end to its start. So each event is added twice at most.
///
/// The front has at most `sliceMaximum` states, which may be large. A reading adds the events between the left end and
/// the next of them, at most a `sliceMaximum`th of the window, and combines once. An event that comes late, before the
/// end of the front, makes the next reading build the front anew, which takes O(events of the window): so this is for
/// states to which an event is added in the same time wherever it stands.
struct TwoStacksLite<State: Accumulator> {
    static var sliceMaximum: Int { 256 }

    private struct Slice {
        var first: Int
        /// Of the events from `first` to the end of the front.
        var state: State
    }

    /// The oldest last.
    private var front: [Slice] = []
    private var frontEnd = 0
    private var back = State.zero
    private var isStale = false

    init() {}

    /// Takes an event that the window comes to hold.
    mutating func insert(_ event: Int, _ input: State.Input) {
        if event < frontEnd { isStale = true } else { back.add(input) }
    }

    /// The state of the events from `start` to before `end`.
    /// - Parameter input: nil for an event that does not count; asked for those in the window alone.
    mutating func state(from start: Int, to end: Int, _ input: (Int) -> State.Input?) -> State {
        if start >= end { return .zero }
        if isStale || start >= frontEnd { rebuild(from: start, to: end, input) }
        while let oldest = front.last, oldest.first < start { front.removeLast() }
        var state = front.last?.state ?? .zero
        for event in start..<max(start, min(front.last?.first ?? frontEnd, end)) {
            if let input = input(event) { state.add(input) }
        }
        state.combine(back)
        return state
    }

    private mutating func rebuild(from start: Int, to end: Int, _ input: (Int) -> State.Input?) {
        front.removeAll(keepingCapacity: true)
        back = .zero
        isStale = false
        frontEnd = end
        let length = (end - start + Self.sliceMaximum - 1) / Self.sliceMaximum
        var state = State.zero
        for event in stride(from: end - 1, through: start, by: -1) {
            if let input = input(event) { state.add(input) }
            if (event - start) % length == 0 { front.append(Slice(first: event, state: state)) }
        }
    }
}
