import MartletCore

/// A few events, made ready once for all tiers: the ordered bits of what they hold, and their numbers as the
/// fixed-point integers that sums are made of.
final class EventBlock {
    /// So many that what they touch stays in the nearest cache.
    static let length = 32

    private(set) var count = 0
    let rows = Scratch<Int32>()
    let keys = Scratch<Int32>()
    let orders = Scratch<OrderKey>()
    let bits: [Scratch<Int64>]
    let present: [Scratch<UInt8>]
    /// By input, of those that are summed.
    let lifted: [Scratch<LiftedNumber>]
    private let ones = Scratch<UInt8>()
    private let inputs: [Int]
    private let summed: [(input: Int, isReal: Bool)]
    var views: [ColumnView] = []

    init(_ plan: WindowPlan) {
        let columnCount = (plan.inputs.map(\.index).max() ?? -1) + 1
        inputs = plan.inputs.map(\.index)
        bits = (0..<columnCount).map { _ in Scratch() }
        present = (0..<columnCount).map { _ in Scratch() }
        lifted = (0..<columnCount).map { _ in Scratch() }
        var summed: [(input: Int, isReal: Bool)] = []
        for group in plan.groups where group.family == .moments && group.needsSum {
            summed.append((group.inputIndex, group.isReal))
        }
        self.summed = summed
        rows.reserve(Self.length)
        keys.reserve(Self.length)
        orders.reserve(Self.length)
        ones.reserve(Self.length)
        ones.base.update(repeating: 1, count: Self.length)
        for input in inputs {
            bits[input].reserve(Self.length)
            present[input].reserve(Self.length)
        }
        for (input, _) in summed { lifted[input].reserve(Self.length) }
        // From here on nothing grows: the tiers keep where these are.
    }

    func removeAll() { count = 0 }

    @inline(__always)
    func append(row: Int32, key: Int32, _ order: OrderKey) {
        rows.base[count] = row
        keys.base[count] = key
        orders.base[count] = order
        count &+= 1
    }

    /// Reads the columns.
    func gather() {
        for input in inputs {
            views[input].gather(rows.base, count, into: bits[input].base, present[input].base)
        }
        for (input, isReal) in summed { lift(input, isReal) }
    }

    private func lift(_ input: Int, _ isReal: Bool) {
        let bits = bits[input].base
        let present = present[input].base
        let lifted = lifted[input].base
        for index in 0..<count where present[index] != 0 {
            let number = isReal ? ExactNumber(doubleOfOrderedBits(bits[index])) : ExactNumber(bits[index])
            // An infinity has the exponent of what is too large.
            lifted[index].isNarrow = number.isNarrow
            lifted[index].sum = FixedSum(number)
            lifted[index].squares = FixedSquares(squareOf: number)
        }
    }

    func presence(_ input: Int) -> UnsafeMutablePointer<UInt8> { input < 0 ? ones.base : present[input].base }

    func number(_ input: Int, _ isReal: Bool, _ index: Int) -> Number {
        let value = bits[input].base[index]
        return isReal ? .real(doubleOfOrderedBits(value)) : .integer(value)
    }

    func text(_ input: Int, _ index: Int) -> UnsafeRawBufferPointer { views[input].text(Int(rows.base[index])) }
}

/// A number as it is added to a sum and to a sum of squares. They mean something only where it is narrow.
struct LiftedNumber: BitwiseCopyable {
    var isNarrow: Bool
    var sum: FixedSum
    var squares: FixedSquares
}
