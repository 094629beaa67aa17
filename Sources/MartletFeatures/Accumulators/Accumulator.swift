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
    func lower(_ function: AggregateFunction) -> Output?
}

extension Accumulator {
    package mutating func add(_ input: Input) { combine(Self.lift(input)) }
}

/// A state from which an input can be taken away again: after `subtract` the state equals one that never saw it.
package protocol InvertibleAccumulator: Accumulator {
    /// - Precondition: everything in `other` was combined before.
    mutating func subtract(_ other: Self)
    /// `subtract(lift(input))`, by a shorter way where there is one.
    mutating func remove(_ input: Input)
}

extension InvertibleAccumulator {
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
    package func lower(_: AggregateFunction) -> Int64? { count }
}
