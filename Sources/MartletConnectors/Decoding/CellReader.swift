internal import Glibc
internal import MartletCore
internal import MartletHTTP

/// Reads JSON values as values of declared types, by the rules that `docs/semantics.md` gives for text: numbers and
/// bools may come as text, text columns take any value.
struct CellReader {
    let type: DataType
    /// Whether a time without a zone is one in UTC.
    let takesTimesWithoutZone: Bool

    /// - Parameter scratch: takes the bytes that the document does not have as they are needed.
    func read(_ value: JSONElement, _ scratch: inout [UInt8]) -> Cell {
        if value.isNull { return .null }
        switch type {
        case .string: return text(value, &scratch)
        case .bytes: return value.utf8.map { bytes($0, &scratch) } ?? .misfit
        case .bool: return bool(value)
        case .int32: return integer(value, Int64(Int32.min)...Int64(Int32.max))
        case .int64: return integer(value, Int64.min...Int64.max)
        case .float32:
            guard let number = number(value) else { return .misfit }
            let narrow = Float(number)
            if narrow.isInfinite && !number.isInfinite { return .misfit }
            return .bits(UInt64(narrow.bitPattern))
        case .float64: return number(value).map { .bits($0.bitPattern) } ?? .misfit
        case .timestamp:
            guard let text = value.utf8,
                let time = Timestamp(rfc3339: trimmed(text), zoneIsOptional: takesTimesWithoutZone)
            else { return .misfit }
            return .integer(time.microseconds)
        case .list(let element): return list(value, of: element, &scratch)
        case .map(let element): return map(value, to: element, &scratch)
        }
    }

    private func text(_ value: JSONElement, _ scratch: inout [UInt8]) -> Cell {
        if let bytes = value.utf8 { return .text(bytes) }
        let start = scratch.count
        appendJSON(value, to: &scratch)
        return .written(start..<scratch.count)
    }

    private func integer(_ value: JSONElement, _ limits: ClosedRange<Int64>) -> Cell {
        let found = value.int64 ?? value.utf8.flatMap { parsedInteger(trimmed($0)) }
        guard let found, limits.contains(found) else { return .misfit }
        return .integer(found)
    }

    private func number(_ value: JSONElement) -> Double? {
        value.double ?? value.utf8.flatMap { parsedNumber(trimmed($0)) }
    }

    private func bool(_ value: JSONElement) -> Cell {
        if let found = value.bool { return .bits(found ? 1 : 0) }
        if let number = value.int64 { return number == 0 || number == 1 ? .bits(UInt64(number)) : .misfit }
        guard let text = value.utf8 else { return .misfit }
        switch String(decoding: trimmed(text), as: UTF8.self).lowercased() {
        case "true", "t", "1", "yes", "y": return .bits(1)
        case "false", "f", "0", "no", "n": return .bits(0)
        default: return .misfit
        }
    }

    /// Byte strings are written as text in ASCII, any other byte as `\xAB`.
    private func bytes(_ text: UnsafeRawBufferPointer, _ scratch: inout [UInt8]) -> Cell {
        let start = scratch.count
        var place = 0
        while place < text.count {
            let byte = text[place]
            if byte >= 0x80 { return .misfit }
            if byte == UInt8(ascii: "\\") {
                guard place + 3 < text.count, text[place + 1] == UInt8(ascii: "x"), let high = digit(text[place + 2]),
                    let low = digit(text[place + 3])
                else { return .misfit }
                scratch.append(high << 4 | low)
                place += 4
            } else {
                scratch.append(byte)
                place += 1
            }
        }
        return .written(start..<scratch.count)
    }

    private func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}

private func trimmed(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
    var (start, end) = (0, text.count)
    while start < end, isSpace(text[start]) { start += 1 }
    while end > start, isSpace(text[end - 1]) { end -= 1 }
    return UnsafeRawBufferPointer(rebasing: text[start..<end])
}

private func parsedInteger(_ text: UnsafeRawBufferPointer) -> Int64? {
    guard let first = text.first else { return nil }
    let isNegative = first == UInt8(ascii: "-")
    let start = isNegative || first == UInt8(ascii: "+") ? 1 : 0
    guard start < text.count else { return nil }
    var value: Int64 = 0
    for byte in text[start...] {
        guard (48...57).contains(byte) else { return nil }
        let (scaled, isTooLarge) = value.multipliedReportingOverflow(by: 10)
        // Downwards, since there is one negative number more.
        let (next, isBeyond) = scaled.subtractingReportingOverflow(Int64(byte - 48))
        if isTooLarge || isBeyond { return nil }
        value = next
    }
    if isNegative { return value }
    return value == .min ? nil : -value
}

/// A decimal number, or a name of an infinity or of NaN.
private func parsedNumber(_ text: UnsafeRawBufferPointer) -> Double? {
    let isDecimal = text.allSatisfy { byte in
        (48...57).contains(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
            || byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E")
    }
    let string = String(decoding: text, as: UTF8.self)
    if isDecimal {
        // Swift wants a digit before and after the point; everyone else does not.
        guard let value = Double(string) ?? looseNumber(string), value.isFinite else { return nil }
        return value
    }
    switch string.lowercased() {
    case "nan", "+nan", "-nan": return .nan
    case "inf", "+inf", "infinity", "+infinity": return .infinity
    case "-inf", "-infinity": return -.infinity
    default: return nil
    }
}

private func looseNumber(_ text: String) -> Double? {
    text.withCString { start in
        var end: UnsafeMutablePointer<CChar>?
        let value = strtod(start, &end)
        guard let end, end > UnsafeMutablePointer(mutating: start), end.pointee == 0 else { return nil }
        return value
    }
}
