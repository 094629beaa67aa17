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

    package func lower(_ function: AggregateFunction) -> Value? {
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

        /// The value decides only between events of the same order key, which positions are there to prevent.
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

    package func lower(_ function: AggregateFunction) -> Value? {
        precondition(function == .first || function == .last, "\(function) is not an end")
        return function == .first ? first?.value : last?.value
    }
}

/// The different values with the number of times each occurs: the state of `distinct`, exact. The counts are its
/// inverse.
package struct DistinctValues<Value: Hashable & Sendable>: InvertibleAccumulator {
    package var counts: [Value: Int64]

    package init(counts: [Value: Int64] = [:]) { self.counts = counts }

    package static var zero: DistinctValues { DistinctValues() }
    package static func lift(_ input: Value) -> DistinctValues { DistinctValues(counts: [input: 1]) }

    package mutating func combine(_ other: DistinctValues) {
        for (value, count) in other.counts { adjust(value, by: count) }
    }

    package mutating func subtract(_ other: DistinctValues) {
        for (value, count) in other.counts { adjust(value, by: -count) }
    }

    package mutating func add(_ input: Value) { adjust(input, by: 1) }
    package mutating func remove(_ input: Value) { adjust(input, by: -1) }

    private mutating func adjust(_ value: Value, by amount: Int64) {
        let count = counts[value, default: 0] + amount
        counts[value] = count == 0 ? nil : count
    }

    package func lower(_: AggregateFunction) -> Int64? { Int64(counts.count) }
}
