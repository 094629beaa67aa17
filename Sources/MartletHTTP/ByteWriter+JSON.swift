package import MartletCore

extension ByteWriter {
    /// A JSON number; NaN and infinities as the strings `NaN`, `Infinity`, `-Infinity`.
    package mutating func appendJSON(_ value: Double) {
        if value.isFinite {
            append(decimal: value)
        } else if value.isNaN {
            append("\"NaN\"")
        } else {
            append(value < 0 ? "\"-Infinity\"" : "\"Infinity\"")
        }
    }

    package mutating func appendJSON(_ value: Bool) { append(value ? "true" : "false") }

    package mutating func appendJSON(_ value: Timestamp) {
        append(UInt8(ascii: "\""))
        append(value)
        append(UInt8(ascii: "\""))
    }

    package mutating func appendJSON(_ text: String) {
        var text = text
        text.withUTF8 { appendJSON(utf8: UnsafeRawBufferPointer($0)) }
    }

    /// UTF-8 as a JSON string. Bytes that are not UTF-8 go through as they are: the writers of text columns checked
    /// them.
    package mutating func appendJSON(utf8 text: UnsafeRawBufferPointer) {
        // The longest escape has six bytes.
        reserve(text.count &* 6 &+ 2)
        base[count] = UInt8(ascii: "\"")
        count &+= 1
        // Eight at a time, the last ones once more: what needs no escape, as nearly all text, is only copied.
        let size = text.count
        if size >= 8, let start = text.baseAddress {
            let target = UnsafeMutableRawPointer(base + count)
            var offset = 0
            while true {
                let word = start.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                if needsEscape(word) { break }
                target.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
                if offset &+ 8 == size {
                    base[count &+ size] = UInt8(ascii: "\"")
                    count &+= size &+ 1
                    return
                }
                offset = min(offset &+ 8, size &- 8)
            }
        }
        for byte in text {
            if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                base[count] = byte
                count &+= 1
            } else {
                appendEscaped(byte)
            }
        }
        append(UInt8(ascii: "\""))
    }

    /// Bytes as a JSON string in base64 (RFC 4648, with padding).
    package mutating func appendJSON(base64 bytes: UnsafeRawBufferPointer) {
        reserve((bytes.count &+ 2) / 3 &* 4 &+ 2)
        append(UInt8(ascii: "\""))
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let size = min(3, bytes.count - start)
            var bits: UInt32 = 0
            for offset in 0..<3 { bits = bits << 8 | (offset < size ? UInt32(bytes[start + offset]) : 0) }
            for digit in 0..<4 {
                append(digit > size ? UInt8(ascii: "=") : base64Digit(UInt8(bits >> UInt32(18 - 6 * digit) & 63)))
            }
        }
        append(UInt8(ascii: "\""))
    }

    private mutating func appendEscaped(_ byte: UInt8) {
        append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: append(UInt8(ascii: "b"))
        case 0x09: append(UInt8(ascii: "t"))
        case 0x0A: append(UInt8(ascii: "n"))
        case 0x0C: append(UInt8(ascii: "f"))
        case 0x0D: append(UInt8(ascii: "r"))
        case 0..<0x20:
            append("u00")
            append(hexDigit(byte >> 4))
            append(hexDigit(byte & 15))
        default: append(byte)
        }
    }
}

/// Whether one of eight bytes is a control character, a quotation mark or a backslash: in each of these the subtraction
/// borrows into the byte's highest bit, which the byte itself does not have.
@inline(__always)
private func needsEscape(_ word: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let controls = word &- ones &* 0x20
    let quotes = (word ^ ones &* UInt64(UInt8(ascii: "\""))) &- ones
    let slashes = (word ^ ones &* UInt64(UInt8(ascii: "\\"))) &- ones
    // Bytes from 0x80 on are none of them; the test may say yes for one beside a match, never no for a match.
    return (controls & ~word | quotes & ~(word ^ ones &* 0x22) | slashes & ~(word ^ ones &* 0x5C)) & (ones &* 0x80) != 0
}

private func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }

private func base64Digit(_ value: UInt8) -> UInt8 {
    switch value {
    case 0..<26: 65 + value
    case 26..<52: 71 + value
    case 52..<62: value - 4
    case 62: UInt8(ascii: "+")
    default: UInt8(ascii: "/")
    }
}
