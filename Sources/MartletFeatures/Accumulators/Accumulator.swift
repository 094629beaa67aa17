package import MartletDefinitions

/// What a set of values is reduced to on the way to a feature: the one arithmetic behind offline scans, tiles and
/// streams.
///
/// A family of aggregates (the moments, the extremes, the ends, the distinct values) shares one state. The laws, which
/// the tests hold every conformer to:
///
/// - `combine` is associative and commutative, bit for bit, with `zero` as its neutral element. So a state depends on
///   the set of its inputs alone: not on their order, on how they were split over tiles and threads, or on what was
///   merged first.
/// - `lower` is a function of the state: equal states give equal bits.
///
/// Associativity is what lets an offline scan keep prefix sums or a monotonic stack, a tile hold a part of a window,
/// and a load add to what an earlier load left (Gray et al., "Data Cube", 1997: distributive and algebraic functions).
package protocol Accumulator: Sendable, Equatable {
    /// One value of a column, never null and never NaN: every aggregate skips those.
    associatedtype Input
    associatedtype Output
    /// The state of no input.
    static var zero: Self { get }
    /// The state of one input.
    static func lift(_ input: Input) -> Self
    mutating func combine(_ other: Self)
    /// `combine(lift(input))`, by a shorter way where there is one.
    mutating func add(_ input: Input)
    /// The aggregate of the inputs, nil meaning null.
    /// - Precondition: `function` belongs to the family.
    func lower(_ function: AggregateFunction, _ parameters: LoweringParameters) -> Output?
    static var traits: StateTraits { get }
}

/// What a family declares of its states.
package struct StateTraits: Sendable, Equatable {
    /// The most bytes that a tile takes for one state; nil where it grows with the lengths of texts or with the time
    /// that the state spans.
    package var maximumByteCount: Int?
    /// Whether the result depends on when the events happened, and not on their values alone.
    package var isOrderSensitive: Bool

    package init(maximumByteCount: Int?, isOrderSensitive: Bool) {
        self.maximumByteCount = maximumByteCount
        self.isOrderSensitive = isOrderSensitive
    }
}

/// What is asked of a state beside the function.
package struct LoweringParameters: Sendable, Hashable {
    /// Of quantile.
    package var quantile: Double
    /// Of top_k.
    package var length: Int
    /// Of the decayed aggregates, microseconds.
    package var halfLife: Int64
    /// The moment for which the window is read, microseconds since the epoch.
    package var time: Int64

    package init(quantile: Double = 0.5, length: Int = 1, halfLife: Int64 = 1, time: Int64 = 0) {
        self.quantile = quantile
        self.length = length
        self.halfLife = halfLife
        self.time = time
    }
}

/// The result of a family whose functions give different kinds of results.
package enum Lowered<Value: Comparable & Hashable & Sendable>: Sendable, Equatable {
    case integer(Int64)
    case real(Double)
    case list([Value])
    /// Each category, ascending, with a number of times.
    case counts([Value], [Int64])
    /// Each category, ascending, with a number.
    case numbers([Value], [Double])
}

extension Accumulator {
    package mutating func add(_ input: Input) { combine(Self.lift(input)) }

    package func lower(_ function: AggregateFunction) -> Output? { lower(function, LoweringParameters()) }
}

/// A state from which an input can be taken away again: after `subtract` the state equals one that never saw it.
package protocol InvertibleAccumulator: Accumulator {
    /// Whether the state still tells its inputs apart; false beyond a limit for good.
    var isInvertible: Bool { get }
    /// - Precondition: everything in `other` was combined before, and both are invertible.
    mutating func subtract(_ other: Self)
    /// `subtract(lift(input))`, by a shorter way where there is one.
    mutating func remove(_ input: Input)
}

extension InvertibleAccumulator {
    package var isInvertible: Bool { true }

    package mutating func remove(_ input: Input) { subtract(Self.lift(input)) }
}

/// How many rows a window holds, nulls included.
package struct RowCount: InvertibleAccumulator {
    package var count: Int64

    package init(count: Int64 = 0) { self.count = count }

    package static var zero: RowCount { RowCount() }
    package static func lift(_: Void) -> RowCount { RowCount(count: 1) }
    package mutating func combine(_ other: RowCount) { count += other.count }
    package mutating func subtract(_ other: RowCount) { count -= other.count }
    package func lower(_: AggregateFunction, _: LoweringParameters) -> Int64? { count }
    package static var traits: StateTraits { StateTraits(maximumByteCount: 8, isOrderSensitive: false) }
}
