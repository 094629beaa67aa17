import MartletCore
import MartletDefinitions

// What is made of whole columns at the end. Training sets and assembled tiles share these steps, so that they agree in
// every bit.

extension WindowPlan.Feature {
    /// The unit in which the feature tells how long ago a time was; nil where it tells no such thing.
    var elapsedUnit: Double? {
        switch function {
        case .daysSince: 86_400_000_000
        case .timeSinceLast: 1_000_000
        default: nil
        }
    }

    /// How long before the moment that the window is seen from at each time the timestamps beside them are; null where
    /// they are, and where 64 bits do not hold the distance, as from an infinite timestamp. The column itself for a
    /// feature that tells no such thing.
    /// - Precondition: one time a value.
    func elapsed(since newest: Column, at times: [Int64]) -> Column {
        guard let unit = elapsedUnit else { return newest }
        guard case .timestamp(let values) = newest.values, values.count == times.count else {
            preconditionFailure("time passes since timestamps, one time each")
        }
        var validity = newest.validity
        let elapsed = values.indices.map { row -> Double in
            let (distance, isBeyond) = window.moment(at: times[row]).subtractingReportingOverflow(values[row])
            if !isBeyond { return Double(distance) / unit }
            if validity == nil { validity = Bitmap(repeating: true, count: values.count) }
            validity?[row] = false
            return 0
        }
        return Column(.float64(elapsed), validity: validity)
    }
}

/// One number divided by the other; null where either is null or the divisor is 0.
func ratio(of dividend: Column, to divisor: Column) -> Column {
    let (left, right) = (numbers(dividend), numbers(divisor))
    var present = Bitmap(repeating: true, count: left.count)
    let values = left.indices.map { row -> Double in
        guard !dividend.isNull(row), !divisor.isNull(row), right[row] != 0 else {
            present[row] = false
            return 0
        }
        let quotient = left[row] / right[row]
        return quotient.isNaN ? .nan : quotient
    }
    return Column(.float64(values), validity: present.allSet ? nil : present)
}

private func numbers(_ column: Column) -> [Double] {
    switch column.values {
    case .int32(let array): array.map(Double.init)
    case .int64(let array): array.map(Double.init)
    case .float32(let array): array.map(Double.init)
    case .float64(let array): array
    default: preconditionFailure("numbers are divided")
    }
}

/// Maps from categories, each range of them ascending, to the values beside them.
/// - Parameter categories: a column of `AggregateFunction.categoryTypes` without nulls.
func mapColumn(offsets: [Int32], categories: Column, values: Column, validity: Bitmap?) -> Column {
    if case .string(let keys) = categories.values {
        return Column(.map(MapValues(offsets: offsets, keys: keys, values: values)), validity: validity)
    }
    // Maps are in the order of their keys' texts, which is not that of numbers.
    let texts = (0..<categories.count).map { Array(categories[$0].description.utf8) }
    var order: [Int32] = []
    for map in 0..<offsets.count - 1 {
        order += (offsets[map]..<offsets[map + 1])
            .sorted { texts[Int($0)].lexicographicallyPrecedes(texts[Int($1)]) }
    }
    var keys = ByteStrings()
    for entry in order { keys.append(contentsOf: texts[Int(entry)]) }
    return Column(
        .map(MapValues(offsets: offsets, keys: keys, values: values.gathering(fitting: order))), validity: validity)
}
