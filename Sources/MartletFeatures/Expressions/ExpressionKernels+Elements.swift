internal import MartletCore
internal import MartletDefinitions

/// The elements of each row of lists, or the values of each row of maps.
private struct RowElements {
    let ranges: (Int) -> Range<Int>
    let keys: ByteStrings?
    let values: Column

    init(_ column: Column) {
        switch column.values {
        case .list(let lists):
            ranges = lists.range
            keys = nil
            values = lists.elements
        case .map(let maps):
            ranges = maps.range
            keys = maps.keys
            values = maps.values
        default: preconditionFailure("a column of lists or maps")
        }
    }
}

/// What all elements of a row say together. A NaN is none of them, but for their number.
func elements(_ operation: ExpressionOperation, of column: Column) -> Column {
    let rows = RowElements(column)
    let places = (0..<column.count).map { column.isNull($0) ? 0..<0 : rows.ranges($0) }
    func made<Result>(_ zero: Result, _ body: (Range<Int>) -> Result?) -> ([Result], Bitmap?) {
        let found = mapping(places, column.validity, zero: zero, body)
        return (found.values, found.validity)
    }
    if operation == .elementCount {
        return Column(.int64(places.map { Int64($0.count) }), validity: column.validity)
    }
    switch rows.values.values {
    case .int64(let array), .timestamp(let array):
        let isTime = rows.values.type == .timestamp
        if operation == .elementMean {
            let (values, validity) = made(0.0) { meanOf(array[$0].lazy.map(Double.init)) }
            return Column(.float64(values), validity: validity)
        }
        let (values, validity) = made(Int64(0)) { range -> Int64? in
            switch operation {
            case .elementSum: return checkedSum(array[range])
            case .elementMinimum: return array[range].min()
            default: return array[range].max()
            }
        }
        return Column(isTime ? .timestamp(values) : .int64(values), validity: validity)
    case .float64(let array):
        let (values, validity) = made(0.0) { range -> Double? in
            let numbers = array[range].lazy.filter { !$0.isNaN }
            switch operation {
            case .elementSum: return finite(numbers.reduce(0, +))
            case .elementMean: return meanOf(numbers)
            case .elementMinimum: return numbers.min()
            default: return numbers.max()
            }
        }
        return Column(.float64(values), validity: validity)
    default: preconditionFailure("numbers or timestamps")
    }
}

/// From the first to the last; nil where it overflows on the way.
private func checkedSum(_ numbers: ArraySlice<Int64>) -> Int64? {
    var sum: Int64 = 0
    for number in numbers {
        let (next, overflow) = sum.addingReportingOverflow(number)
        if overflow { return nil }
        sum = next
    }
    return sum
}

private func meanOf(_ numbers: some Sequence<Double>) -> Double? {
    var (sum, count) = (0.0, 0)
    for number in numbers {
        sum += number
        count += 1
    }
    return count == 0 ? nil : finite(sum / Double(count))
}

private func finite(_ number: Double) -> Double? { number.isFinite ? number : nil }

/// What one element of a row says: whether it is there, or its value.
func elements(_ operation: ExpressionOperation, of column: Column, _ other: Column) -> Column {
    let rows = RowElements(column)
    let validity = both(column.validity, other.validity)
    // Of each row the place of the element; -1 where it has none, and in rows that are null.
    let places = (0..<column.count).map { row -> Int32 in
        if let validity, !validity[row] { return -1 }
        let range = rows.ranges(row)
        let place: Int? =
            switch operation {
            case .hasElement: firstEqual(rows.values, range, other, row)
            case .elementAt: placeInList(range, other.wholes[row])
            default: rows.keys.flatMap { firstEqual($0, range, other.texts.slice(row)) }
            }
        return place.map { Int32(truncatingIfNeeded: $0) } ?? -1
    }
    guard operation == .elementAt || operation == .valueOfKey else {
        return Column(.bool(places.map { $0 >= 0 }), validity: validity)
    }
    let picked = rows.values.gathering(fitting: places)
    guard case .float64(let numbers) = picked.values else { return picked }
    // A NaN that is taken out is no value, as one that is read.
    let missing = numbers.indices.filter { numbers[$0].isNaN }
    return Column(.float64(numbers), validity: clearing(missing, in: picked.validity, count: numbers.count))
}

private func placeInList(_ range: Range<Int>, _ number: Int64) -> Int? {
    // Compared before it is added: any int64 may be asked for.
    if number > 0, number <= range.count { return range.lowerBound + Int(number) - 1 }
    if number < 0, number >= -range.count { return range.upperBound + Int(number) }
    return nil
}

private func firstEqual(_ values: Column, _ range: Range<Int>, _ other: Column, _ row: Int) -> Int? {
    switch values.values {
    case .bool(let array):
        let wanted = other.bools[row]
        return range.first { array[$0] == wanted }
    case .int64(let array), .timestamp(let array):
        let wanted = other.wholes[row]
        return range.first { array[$0] == wanted }
    case .float64(let array):
        let wanted = other.doubles[row]
        return range.first { array[$0] == wanted }
    case .string(let texts), .bytes(let texts): return firstEqual(texts, range, other.texts.slice(row))
    default: preconditionFailure("elements are wide scalars")
    }
}

private func firstEqual(_ texts: ByteStrings, _ range: Range<Int>, _ wanted: ArraySlice<UInt8>) -> Int? {
    range.first { texts.range($0).count == wanted.count && texts.slice($0).elementsEqual(wanted) }
}
