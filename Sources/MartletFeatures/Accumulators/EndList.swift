package import MartletDefinitions

/// The values of the first or of the last events: the state of `first_n` and `last_n`, at most `length` values with
/// their order keys. It has no inverse; whoever retracts rebuilds the tile.
package struct EndList<Value: Comparable & Hashable & Sendable>: Accumulator {
    package struct Input: Sendable {
        package var end: Ends<Value>.End
        package var length: Int
        package var isFirst: Bool
    }

    /// Oldest first.
    package var ends: [Ends<Value>.End]
    /// How many are kept; 0 before the first value.
    package var length: Int
    package var isFirst: Bool

    package init(ends: [Ends<Value>.End] = [], length: Int = 0, isFirst: Bool = false) {
        self.ends = ends
        self.length = length
        self.isFirst = isFirst
    }

    package static var zero: EndList { EndList() }

    package static func lift(_ input: Input) -> EndList {
        EndList(ends: [input.end], length: input.length, isFirst: input.isFirst)
    }

    package mutating func combine(_ other: EndList) {
        if other.length == 0 { return }
        if length == 0 {
            self = other
            return
        }
        precondition(length == other.length && isFirst == other.isFirst, "lists of different aggregates")
        var merged: [Ends<Value>.End] = []
        merged.reserveCapacity(ends.count + other.ends.count)
        var (left, right) = (0, 0)
        while left < ends.count || right < other.ends.count {
            if right == other.ends.count || (left < ends.count && !(other.ends[right] < ends[left])) {
                merged.append(ends[left])
                left += 1
            } else {
                merged.append(other.ends[right])
                right += 1
            }
        }
        ends = Array(isFirst ? merged.prefix(length) : merged.suffix(length))
    }

    /// 32 bytes a value; texts as many as they have and 4.
    package static var traits: StateTraits {
        StateTraits(
            maximumByteCount: Value.self == Int64.self ? 8 + 32 * AggregateParameters.maximumLength : nil,
            isOrderSensitive: true)
    }

    package func lower(_: AggregateFunction, _: LoweringParameters) -> Lowered<Value>? { .list(ends.map(\.value)) }
}
