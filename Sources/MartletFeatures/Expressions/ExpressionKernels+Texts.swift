internal import MartletCore
internal import MartletDefinitions

/// Makes a text column row by row; nil is null.
private func texts(_ count: Int, _ validity: Bitmap?, _ body: (Int, inout ByteStrings) -> Bool) -> Column {
    var made = ByteStrings()
    made.reserveCapacity(count, bytes: 0)
    var missing: [Int] = []
    for row in 0..<count {
        if let validity, !validity[row] {
            made.append("")
        } else if !body(row, &made) {
            made.append("")
            missing.append(row)
        }
    }
    return Column(.string(made), validity: clearing(missing, in: validity, count: count))
}

func texts(_ operation: ExpressionOperation, _ operand: Column) -> Column {
    let source = operand.texts
    return texts(source.count, operand.validity) { row, made in
        let slice = source.slice(row)
        switch operation {
        case .trim: made.append(contentsOf: trimmed(slice))
        case .lower:
            if slice.allSatisfy({ $0 < 0x80 }) {
                made.append(contentsOf: slice.lazy.map { (65...90).contains($0) ? $0 | 0x20 : $0 })
            } else {
                made.append(source[row].lowercased())
            }
        default:
            if slice.allSatisfy({ $0 < 0x80 }) {
                made.append(contentsOf: slice.lazy.map { (97...122).contains($0) ? $0 & 0xDF : $0 })
            } else {
                made.append(source[row].uppercased())
            }
        }
        return true
    }
}

/// Without the spaces, tabs and line ends of ASCII at both ends.
private func trimmed(_ slice: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
    guard let first = slice.firstIndex(where: { !isSpace($0) }), let last = slice.lastIndex(where: { !isSpace($0) })
    else { return [] }
    return slice[first...last]
}

/// In code points.
func lengths(_ strings: ByteStrings) -> [Int64] {
    (0..<strings.count).map { row in Int64(strings.slice(row).count { $0 & 0xC0 != 0x80 }) }
}

func concatenated(_ operands: [Column], _ count: Int) -> Column {
    let sources = operands.map(\.texts)
    let validity = operands.reduce(nil) { both($0, $1.validity) }
    return texts(count, validity) { row, made in
        let length = sources.reduce(0) { $0 + $1.range(row).count }
        guard length <= ExpressionLimits.maximumTextBytes else { return false }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(length)
        for source in sources { bytes += source.slice(row) }
        made.append(contentsOf: bytes)
        return true
    }
}

func containment(_ operation: ExpressionOperation, _ whole: Column, _ part: Column) -> Column {
    let (wholes, parts) = (whole.texts, part.texts)
    let values = (0..<wholes.count).map { row in
        let (text, wanted) = (wholes.slice(row), parts.slice(row))
        switch operation {
        case .startsWith: return text.starts(with: wanted)
        case .endsWith: return text.count >= wanted.count && text.suffix(wanted.count).elementsEqual(wanted)
        default: return contains(text, wanted)
        }
    }
    return Column(.bool(values), validity: both(whole.validity, part.validity))
}

/// O(text * part), both of which are short; the empty part is in every text.
private func contains(_ text: ArraySlice<UInt8>, _ part: ArraySlice<UInt8>) -> Bool {
    guard let first = part.first else { return true }
    guard text.count >= part.count else { return false }
    for start in text.startIndex...text.endIndex - part.count
    where text[start] == first && text[start..<start + part.count].elementsEqual(part) {
        return true
    }
    return false
}

/// `count` code points from the one numbered `from`, the first being 1; places outside of the text hold nothing. A
/// negative count is null.
func substrings(_ operands: [Column], _ count: Int) -> Column {
    let source = operands[0].texts
    let starts = operands[1].wholes
    let lengths = operands.count > 2 ? operands[2].wholes : nil
    let validity = operands.reduce(nil) { both($0, $1.validity) }
    return texts(count, validity) { row, made in
        let length = lengths?[row] ?? .max
        guard length >= 0 else { return false }
        let (end, overflow) = starts[row].addingReportingOverflow(length)
        let wanted = starts[row]..<(overflow ? .max : end)
        var number: Int64 = 0
        let slice = source.slice(row)
        made.append(
            contentsOf: slice.lazy.filter { byte in
                if byte & 0xC0 != 0x80 { number += 1 }
                return wanted.contains(number)
            })
        return true
    }
}

func texts(of operand: Column) -> Column {
    texts(operand.count, operand.validity) { row, made in
        switch operand.values {
        case .bool(let array): made.append(array[row] ? "true" : "false")
        case .int64(let array): made.append(array[row].description)
        case .float64(let array): made.append(array[row].description)
        default: made.append(Timestamp(microseconds: operand.wholes[row]).description)
        }
        return true
    }
}
