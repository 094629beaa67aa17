package import MartletDefinitions

/// The moments of a column for each value of another: the state of `count`, `sum` and `mean` with `by`.
///
/// Exact as `Moments` are. Beyond `differentValuesMaximum` categories a tile keeps nothing and the result is null; as
/// in `ValueCounts` that depends on the union of the categories alone. Its inverse is exact up to the limit.
package struct KeyedMoments<Value: CountedValue>: InvertibleAccumulator {
    package struct Input: Sendable {
        package var category: Value
        package var number: Number

        package init(category: Value, number: Number) {
            self.category = category
            self.number = number
        }
    }

    package var moments: [Value: Moments]
    /// Whether a part had too many categories; `moments` is empty then.
    package var isBeyondLimit: Bool

    package init(moments: [Value: Moments] = [:], isBeyondLimit: Bool = false) {
        self.moments = moments
        self.isBeyondLimit = isBeyondLimit
    }

    package static var zero: KeyedMoments { KeyedMoments() }

    package static func lift(_ input: Input) -> KeyedMoments {
        KeyedMoments(moments: [input.category: Moments.lift(input.number)])
    }

    package mutating func add(_ input: Input) {
        if !isBeyondLimit { moments[input.category, default: Moments()].add(input.number) }
    }

    /// - Precondition: the state is not beyond the limit.
    package mutating func remove(_ input: Input) {
        moments[input.category]?.remove(input.number)
        if moments[input.category]?.count == 0 { moments[input.category] = nil }
    }

    package mutating func combine(_ other: KeyedMoments) {
        if isBeyondLimit || other.isBeyondLimit {
            self = KeyedMoments(isBeyondLimit: true)
            return
        }
        for (category, added) in other.moments { moments[category, default: Moments()].combine(added) }
    }

    package var isInvertible: Bool { !isBeyondLimit }

    package mutating func subtract(_ other: KeyedMoments) {
        precondition(isInvertible && other.isInvertible, "a state beyond the limit has no inverse")
        for (category, removed) in other.moments {
            moments[category]?.subtract(removed)
            if moments[category]?.count == 0 { moments[category] = nil }
        }
    }

    /// The same categories as a tile keeps them.
    package var limited: KeyedMoments {
        moments.count <= differentValuesMaximum ? self : KeyedMoments(isBeyondLimit: true)
    }

    /// 40 bytes a category and more where values are not narrow; texts as many as they have.
    package static var traits: StateTraits { StateTraits(maximumByteCount: nil, isOrderSensitive: false) }

    package func lower(_ function: AggregateFunction, _ parameters: LoweringParameters) -> Lowered<Value>? {
        if isBeyondLimit || moments.count > differentValuesMaximum { return nil }
        let sorted = moments.sorted { $0.key < $1.key }
        let categories = sorted.map(\.key)
        if function == .count { return .counts(categories, sorted.map(\.value.count)) }
        return .numbers(categories, sorted.map { $0.value.lower(function, parameters) ?? .nan })
    }
}
