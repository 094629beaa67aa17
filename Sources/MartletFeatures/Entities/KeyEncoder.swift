import MartletCore

/// The keys of rows as bytes: the bytes themselves for one text column; for several columns eight bytes for a number and a
/// length with the bytes for a text, so that no two keys run together.
struct KeyEncoder {
    private let keys: [Column]
    private var scratch: [UInt8] = []

    init(_ keys: [Column]) { self.keys = keys }

    /// `body` gets nil where a component is null.
    mutating func withKey<Result>(_ row: Int, _ body: (UnsafeRawBufferPointer?) -> Result) -> Result {
        for key in keys where key.isNull(row) { return body(nil) }
        if keys.count == 1 {
            switch keys[0].values {
            case .string(let strings), .bytes(let strings):
                return strings.bytes.withUnsafeBytes {
                    body(UnsafeRawBufferPointer(rebasing: $0[strings.range(row)]))
                }
            default: break
            }
        }
        scratch.removeAll(keepingCapacity: true)
        for key in keys { append(key, row) }
        return scratch.withUnsafeBytes { body($0) }
    }

    private mutating func append(_ key: Column, _ row: Int) {
        switch key.values {
        case .string(let strings), .bytes(let strings):
            let range = strings.range(row)
            append(UInt64(range.count))
            scratch.append(contentsOf: strings.bytes[range])
        case .int64(let array), .timestamp(let array): append(UInt64(bitPattern: array[row]))
        case .int32(let array): append(UInt64(bitPattern: Int64(array[row])))
        case .bool(let array): append(array[row] ? 1 : 0)
        case .float32, .float64: preconditionFailure("not a key type")
        }
    }

    private mutating func append(_ word: UInt64) {
        withUnsafeBytes(of: word.littleEndian) { scratch.append(contentsOf: $0) }
    }
}
