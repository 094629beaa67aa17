/// Writes JSON into a byte buffer that the caller owns and may reuse. Commas are placed by the writer.
///
/// ```swift
/// var json = JSONWriter()
/// json.object { $0.member("rows", 3) }
/// ```
package struct JSONWriter: Sendable {
    package private(set) var bytes: [UInt8]
    private var needsComma = false

    package init(capacity: Int = 256) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    package var text: String { String(decoding: bytes, as: UTF8.self) }

    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    package mutating func beginObject() { open("{") }
    package mutating func endObject() { close("}") }
    package mutating func beginArray() { open("[") }
    package mutating func endArray() { close("]") }

    package mutating func object(_ body: (inout JSONWriter) throws -> Void) rethrows {
        beginObject()
        try body(&self)
        endObject()
    }

    package mutating func array(_ body: (inout JSONWriter) throws -> Void) rethrows {
        beginArray()
        try body(&self)
        endArray()
    }

    package mutating func key(_ name: String) {
        separate()
        appendQuoted(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    package mutating func null() {
        separate()
        bytes.append(contentsOf: "null".utf8)
    }

    package mutating func value(_ value: Bool) {
        separate()
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    package mutating func value(_ value: some BinaryInteger) {
        separate()
        bytes.append(contentsOf: value.description.utf8)
    }

    /// The shortest text that reads back as the same double; NaN and infinities as the strings `NaN`, `Infinity`,
    /// `-Infinity`.
    package mutating func value(_ value: Double) {
        separate()
        if value.isFinite {
            bytes.append(contentsOf: value.description.utf8)
        } else {
            bytes.append(contentsOf: (value.isNaN ? "\"NaN\"" : value < 0 ? "\"-Infinity\"" : "\"Infinity\"").utf8)
        }
    }

    package mutating func value(_ value: String) {
        separate()
        appendQuoted(value)
    }

    package mutating func value(_ value: Timestamp) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        value.appendRFC3339(to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    package mutating func value(_ value: Value) {
        switch value {
        case .null: null()
        case .bool(let x): self.value(x)
        case .int32(let x): self.value(x)
        case .int64(let x): self.value(x)
        case .float32(let x): self.value(Double(x))
        case .float64(let x): self.value(x)
        case .string(let x): self.value(x)
        case .bytes(let x): self.value(base64(x))
        case .timestamp(let x): self.value(x)
        case .list(let values): array { for value in values { $0.value(value) } }
        case .map(let values):
            object {
                for (name, value) in values.sorted(by: { $0.key < $1.key }) {
                    $0.key(name)
                    $0.value(value)
                }
            }
        }
    }

    /// UTF-8 bytes as a string.
    package mutating func value(utf8 slice: some Collection<UInt8>) {
        separate()
        appendQuoted(slice)
    }

    /// Bytes that are JSON already.
    package mutating func raw(_ json: some Collection<UInt8>) {
        separate()
        bytes.append(contentsOf: json)
    }

    package mutating func member(_ name: String, _ value: some BinaryInteger) { key(name); self.value(value) }
    package mutating func member(_ name: String, _ value: Double) { key(name); self.value(value) }
    package mutating func member(_ name: String, _ value: Bool) { key(name); self.value(value) }
    package mutating func member(_ name: String, _ value: String) { key(name); self.value(value) }
    package mutating func member(_ name: String, _ value: Timestamp) { key(name); self.value(value) }
    package mutating func member(_ name: String, _ value: Value) { key(name); self.value(value) }
    package mutating func member(_ name: String, _ values: [String]) {
        key(name)
        array { for value in values { $0.value(value) } }
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func open(_ bracket: Unicode.Scalar) {
        separate()
        bytes.append(UInt8(ascii: bracket))
        needsComma = false
    }

    private mutating func close(_ bracket: Unicode.Scalar) {
        bytes.append(UInt8(ascii: bracket))
        needsComma = true
    }

    private mutating func appendQuoted(_ text: String) {
        var text = text
        text.withUTF8 { appendQuoted($0) }
    }

    private mutating func appendQuoted(_ utf8: some Collection<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        for byte in utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0x0A: bytes.append(contentsOf: "\\n".utf8)
            case 0x0D: bytes.append(contentsOf: "\\r".utf8)
            case 0x09: bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(hexDigits[Int(byte >> 4)])
                bytes.append(hexDigits[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

private let hexDigits = Array("0123456789abcdef".utf8)
private let base64Digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

private func base64(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let group = bytes[start..<min(start + 3, bytes.count)]
        var bits: UInt32 = 0
        for byte in group { bits = bits << 8 | UInt32(byte) }
        bits <<= UInt32(8 * (3 - group.count))
        for digit in 0..<4 {
            let isPadding = digit > group.count
            text.append(isPadding ? UInt8(ascii: "=") : base64Digits[Int(bits >> UInt32(18 - 6 * digit)) & 63])
        }
    }
    return String(decoding: text, as: UTF8.self)
}
