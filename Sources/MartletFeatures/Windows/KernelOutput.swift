import MartletCore
import MartletDefinitions

/// Where the kernels write: one slot of eight bytes a feature and label, labels in the order of the grouping. A slot
/// holds a count, the bits of a double, or the row whose value is the result; `nullReal` and -1 are the nulls.
///
/// `@unchecked Sendable` because the threads of one `parallelFor` write the slots of disjoint labels.
struct FeatureSlots: @unchecked Sendable {
    private let base: UnsafeMutablePointer<UnsafeMutablePointer<Int64>?>
    private let featureCount: Int

    init(featureCount: Int, labelCount: Int) {
        self.featureCount = featureCount
        base = .allocate(capacity: max(1, featureCount))
        for feature in 0..<featureCount { base[feature] = .allocate(capacity: max(1, labelCount)) }
    }

    @inline(__always)
    func slots(_ feature: Int) -> UnsafeMutablePointer<Int64> {
        guard let slots = base[feature] else { preconditionFailure("the slots of the feature were freed") }
        return slots
    }

    /// Frees one feature's slots, so that results need not stand beside all slots.
    func free(_ feature: Int) {
        base[feature]?.deallocate()
        base[feature] = nil
    }

    func freeAll() {
        for feature in 0..<featureCount { free(feature) }
        base.deallocate()
    }
}

/// A NaN that no arithmetic here returns: results that are NaN have the standard one.
let nullReal = Int64(0x7FF8_0000_6E75_6C6C)

@inline(__always)
func slot(_ value: Double?) -> Int64 {
    guard let value else { return nullReal }
    return slot(value)
}

/// All NaNs become the one NaN, so that equal results have equal bits.
@inline(__always)
func slot(_ value: Double) -> Int64 {
    value.isNaN ? Int64(bitPattern: Double.nan.bitPattern) : Int64(bitPattern: value.bitPattern)
}

extension FeatureSlots {
    /// The column of a feature: `order[i]` is the label of slot `i`.
    func column(
        _ index: Int, _ feature: WindowPlan.Feature, order: [Int32], inputs: [Column]
    ) -> Column {
        let source = slots(index)
        switch feature.function {
        case .count, .distinct:
            return Column(.int64(scattered(source, order)))
        case .sum, .mean, .stddev:
            let bits = scattered(source, order)
            var validity: Bitmap?
            if feature.function != .sum { validity = presence(bits) { $0 != nullReal } }
            let values = bits.map { $0 == nullReal ? 0 : Double(bitPattern: UInt64(bitPattern: $0)) }
            return Column(.float64(values), validity: validity)
        case .min, .max, .first, .last, .daysSince:
            guard let column = feature.column else { preconditionFailure("\(feature.function) has a column") }
            return gatheredColumn(source, order, inputs[column])
        }
    }
}

/// The values of the rows in the slots, each put at its label.
private func gatheredColumn(_ source: UnsafeMutablePointer<Int64>, _ order: [Int32], _ input: Column) -> Column {
    func take<Element: BitwiseCopyable>(_ array: [Element], _ filler: Element) -> [Element] {
        array.withUnsafeBufferPointer { array in
            [Element](unsafeUninitializedCapacity: order.count) { result, initialized in
                for place in order.indices {
                    let row = Int(truncatingIfNeeded: source[place])
                    result[Int(order[place])] = row < 0 ? filler : array[row]
                }
                initialized = order.count
            }
        }
    }
    let values: Column.Values
    switch input.values {
    case .bool(let array): values = .bool(take(array, false))
    case .int32(let array): values = .int32(take(array, 0))
    case .int64(let array): values = .int64(take(array, 0))
    case .timestamp(let array): values = .timestamp(take(array, 0))
    case .float32(let array): values = .float32(take(array, 0))
    case .float64(let array): values = .float64(take(array, 0))
    case .string, .bytes:
        return input.gathering(scattered(source, order).map { Int32(truncatingIfNeeded: $0) })
    case .list, .map: preconditionFailure("a plan reads no lists and maps")
    }
    var words = [UInt64](repeating: 0, count: (order.count + 63) >> 6)
    var presentCount = 0
    for place in order.indices where source[place] >= 0 {
        let label = Int(order[place])
        words[label >> 6] |= 1 &<< UInt64(label & 63)
        presentCount += 1
    }
    return Column(values, validity: presentCount == order.count ? nil : Bitmap(words: words, count: order.count))
}

private func scattered(_ source: UnsafeMutablePointer<Int64>, _ order: [Int32]) -> [Int64] {
    [Int64](unsafeUninitializedCapacity: order.count) { result, initialized in
        for place in order.indices { result[Int(order[place])] = source[place] }
        initialized = order.count
    }
}

/// nil where all are present.
func presence(_ slots: [Int64], _ isPresent: (Int64) -> Bool) -> Bitmap? {
    var words = [UInt64](repeating: 0, count: (slots.count + 63) >> 6)
    var count = 0
    for (index, slot) in slots.enumerated() where isPresent(slot) {
        words[index >> 6] |= 1 &<< UInt64(index & 63)
        count += 1
    }
    return count == slots.count ? nil : Bitmap(words: words, count: slots.count)
}
