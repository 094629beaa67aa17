import MartletCore
import MartletDefinitions

/// Where the kernels write: one slot of eight bytes a feature and label, labels in the order of the grouping. A slot
/// holds a count, the bits of a double, a time, or the row whose value is the result; `nullReal`, the smallest number
/// and -1 are the nulls. Lists and maps are beside, one each.
///
/// `@unchecked Sendable` because the threads of one `parallelFor` write the slots of disjoint labels.
struct FeatureSlots: @unchecked Sendable {
    private let base: UnsafeMutablePointer<UnsafeMutablePointer<Int64>?>
    private let nested: UnsafeMutablePointer<UnsafeMutablePointer<NestedRows?>?>
    private let featureCount: Int
    private let labelCount: Int

    init(_ features: [WindowPlan.Feature], labelCount: Int) {
        featureCount = features.count
        self.labelCount = labelCount
        base = .allocate(capacity: max(1, featureCount))
        nested = .allocate(capacity: max(1, featureCount))
        for (index, feature) in features.enumerated() {
            let isNested = feature.type.isNested
            base[index] = isNested ? nil : Self.makeSlots(labelCount)
            nested[index] = isNested ? .allocate(capacity: max(1, labelCount)) : nil
            nested[index]?.initialize(repeating: nil, count: labelCount)
        }
    }

    private static func makeSlots(_ count: Int) -> UnsafeMutablePointer<Int64> {
        let slots = UnsafeMutableBufferPointer<Int64>.allocate(capacity: max(1, count))
        adviseLargePages(UnsafeMutableRawBufferPointer(slots))
        return slots.baseAddress!
    }

    @inline(__always)
    func slots(_ feature: Int) -> UnsafeMutablePointer<Int64> {
        guard let slots = base[feature] else { preconditionFailure("the slots of the feature were freed") }
        return slots
    }

    @inline(__always)
    func lists(_ feature: Int) -> UnsafeMutablePointer<NestedRows?> {
        guard let lists = nested[feature] else { preconditionFailure("the feature has one value") }
        return lists
    }

    /// Lists and maps are null until they are written.
    func setNull(_ feature: Int, _ slot: Int) {
        if nested[feature] == nil { slots(feature)[slot] = nullReal }
    }

    /// Frees one feature's slots, so that results need not stand beside all slots.
    func free(_ feature: Int) {
        base[feature]?.deallocate()
        base[feature] = nil
        nested[feature]?.deinitialize(count: labelCount)
        nested[feature]?.deallocate()
        nested[feature] = nil
    }

    func freeAll() {
        for feature in 0..<featureCount { free(feature) }
        base.deallocate()
        nested.deallocate()
    }
}

/// A list or a map as the kernels have it: rows with the values or the categories, and of a map its counts or the bits
/// of its doubles.
struct NestedRows: Sendable {
    var rows: [Int32]
    var values: [Int64] = []
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
    /// The column of a feature: `places[i]` is the slot of label `i`.
    func column(
        _ index: Int, _ feature: WindowPlan.Feature, places: [Int32], inputs: [Column]
    ) -> Column {
        if feature.type.isNested { return nestedColumn(index, feature, places: places, inputs: inputs) }
        let source = slots(index)
        switch feature.function {
        case .count, .distinct, .approxDistinct, .sessionCount:
            return Column(.int64(gathered(source, places)))
        case .sum, .mean, .stddev, .variance, .skewness, .quantile, .decayedSum, .decayedMean:
            return realColumn(source, places, isNullable: feature.isNullWhenEmpty)
        case .min where feature.isReal(inputs), .max where feature.isReal(inputs):
            let column = realColumn(source, places, isNullable: true)
            guard feature.type == .float32, case .float64(let values) = column.values else { return column }
            return Column(.float32(values.map(Float.init)), validity: column.validity)
        case .timeSinceLast:
            let times = gathered(source, places)
            return Column(.timestamp(times), validity: presence(times) { $0 != .min })
        case .min, .max, .first, .last, .daysSince:
            guard let column = feature.column else { preconditionFailure("\(feature.function) has a column") }
            return gatheredColumn(source, places, inputs[column])
        case .firstN, .lastN, .topK, .histogram, .ratio:
            preconditionFailure("\(feature.function) is not one value of a kernel")
        }
    }

    private func nestedColumn(
        _ index: Int, _ feature: WindowPlan.Feature, places: [Int32], inputs: [Column]
    ) -> Column {
        guard let column = feature.category ?? feature.column else { preconditionFailure("lists have a column") }
        let source = lists(index)
        var present = Bitmap(repeating: true, count: places.count)
        var offsets: [Int32] = [0]
        var rows: [Int32] = []
        var values: [Int64] = []
        for (label, place) in places.enumerated() {
            if let list = source[Int(place)] {
                rows += list.rows
                values += list.values
            } else {
                present[label] = false
            }
            offsets.append(Int32(rows.count))
        }
        let validity = present.allSet ? nil : present
        let elements = inputs[column].gathering(fitting: rows)
        switch feature.type {
        case .map(.int64):
            return mapColumn(
                offsets: offsets, categories: elements, values: Column(.int64(values)), validity: validity)
        case .map:
            let numbers = values.map { Double(bitPattern: UInt64(bitPattern: $0)) }
            return mapColumn(
                offsets: offsets, categories: elements, values: Column(.float64(numbers)), validity: validity)
        default:
            let values = feature.function == .topK ? withoutNegativeZeros(elements.values) : elements.values
            return Column(.list(ListValues(offsets: offsets, elements: Column(values))), validity: validity)
        }
    }
}

/// Both zeros are one value where values are counted.
private func withoutNegativeZeros(_ values: Column.Values) -> Column.Values {
    switch values {
    case .float32(let array): .float32(array.map { $0 == 0 ? 0 : $0 })
    case .float64(let array): .float64(array.map { $0 == 0 ? 0 : $0 })
    default: values
    }
}

extension WindowPlan.Feature {
    /// Whether the feature's column holds doubles or floats.
    fileprivate func isReal(_ inputs: [Column]) -> Bool {
        guard let column else { return false }
        return inputs[column].type == .float32 || inputs[column].type == .float64
    }
}

/// The slots in the order of the labels.
private func gathered(_ source: UnsafeMutablePointer<Int64>, _ places: [Int32]) -> [Int64] {
    [Int64](count: places.count) { result in
        for label in places.indices { result[label] = source[Int(places[label])] }
    }
}

/// The doubles whose bits are in the slots; `nullReal` is null.
private func realColumn(
    _ source: UnsafeMutablePointer<Int64>, _ places: [Int32], isNullable: Bool
) -> Column {
    var words: [UInt64] = []
    words.reserveCapacity((places.count + 63) >> 6)
    let values = [Double](count: places.count) { result in
        for start in stride(from: 0, to: places.count, by: 64) {
            var word: UInt64 = 0
            for label in start..<min(start + 64, places.count) {
                let bits = source[Int(places[label])]
                let isPresent = bits != nullReal
                result[label] = isPresent ? Double(bitPattern: UInt64(bitPattern: bits)) : 0
                word |= (isPresent ? 1 : 0) &<< UInt64(label & 63)
            }
            words.append(word)
        }
    }
    if !isNullable { return Column(.float64(values)) }
    let present = Bitmap(words: words, count: places.count)
    return Column(.float64(values), validity: present.allSet ? nil : present)
}

/// The values of the rows in the slots; a row below zero is null. `FeatureSlots.checkColumn` has counted them.
private func gatheredColumn(_ source: UnsafeMutablePointer<Int64>, _ places: [Int32], _ input: Column) -> Column {
    input.gathering(fitting: places.map { Int32(truncatingIfNeeded: source[Int($0)]) })
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
