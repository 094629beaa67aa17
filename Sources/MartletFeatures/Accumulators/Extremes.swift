package import MartletDefinitions

/// The smallest and the greatest value: the state of `min` and `max`. It has no inverse; whoever retracts rebuilds the
/// tile.
package struct Extremes<Value: Comparable & Sendable>: Accumulator {
    /// nil before the first value.
    package var minimum: Value?
    package var maximum: Value?

    package init(minimum: Value? = nil, maximum: Value? = nil) {
        self.minimum = minimum
        self.maximum = maximum
    }

    package static var zero: Extremes { Extremes() }
    package static func lift(_ input: Value) -> Extremes { Extremes(minimum: input, maximum: input) }

    package mutating func combine(_ other: Extremes) {
        if let value = other.minimum, minimum.map({ value < $0 }) ?? true { minimum = value }
        if let value = other.maximum, maximum.map({ $0 < value }) ?? true { maximum = value }
    }

    package static var traits: StateTraits {
        StateTraits(maximumByteCount: Value.self == Int64.self ? 16 : nil, isOrderSensitive: false)
    }

    package func lower(_ function: AggregateFunction, _: LoweringParameters) -> Value? {
        precondition(function == .min || function == .max, "\(function) is not an extreme")
        return function == .min ? minimum : maximum
    }
}

/// The values of the first and of the last event: the state of `first` and `last`. Each carries its event's order key,
/// so that it does not matter which one is combined first.
package struct Ends<Value: Comparable & Sendable>: Accumulator {
    package struct End: Sendable, Equatable, Comparable {
        package var order: OrderKey
        package var value: Value

        package init(order: OrderKey, value: Value) {
            self.order = order
            self.value = value
        }

        /// States know no rows: between events of the same order key, which positions are there to prevent, the
        /// value decides.
        package static func < (left: End, right: End) -> Bool {
            left.order != right.order ? left.order < right.order : left.value < right.value
        }
    }

    /// nil before the first value.
    package var first: End?
    package var last: End?

    package init(first: End? = nil, last: End? = nil) {
        self.first = first
        self.last = last
    }

    package static var zero: Ends { Ends() }
    package static func lift(_ input: End) -> Ends { Ends(first: input, last: input) }

    package mutating func combine(_ other: Ends) {
        if let end = other.first, first.map({ end < $0 }) ?? true { first = end }
        if let end = other.last, last.map({ $0 < end }) ?? true { last = end }
    }

    package static var traits: StateTraits {
        StateTraits(maximumByteCount: Value.self == Int64.self ? 64 : nil, isOrderSensitive: true)
    }

    package func lower(_ function: AggregateFunction, _: LoweringParameters) -> Value? {
        precondition(function == .first || function == .last, "\(function) is not an end")
        return function == .first ? first?.value : last?.value
    }
}

/// The time of the newest event: the state of `time_since_last`.
package struct Newest: Accumulator {
    /// Microseconds since the epoch; the smallest number before the first event.
    package var time: Int64

    package init(time: Int64 = .min) { self.time = time }

    package static var zero: Newest { Newest() }
    package static func lift(_ input: Int64) -> Newest { Newest(time: input) }
    package mutating func combine(_ other: Newest) { time = max(time, other.time) }
    package static var traits: StateTraits { StateTraits(maximumByteCount: 8, isOrderSensitive: true) }

    /// The time itself; its distance from the moment of reading is taken at the end, for all rows at once.
    package func lower(_: AggregateFunction, _: LoweringParameters) -> Int64? { time == .min ? nil : time }
}
