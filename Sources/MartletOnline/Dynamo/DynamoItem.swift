internal import MartletCore
internal import MartletObjects

/// How a record stands in a table of DynamoDB (docs/backends.md):
///
/// | Attribute | |
/// | --- | --- |
/// | `k` | partition key, binary: the view's number in 4 bytes and the entity key; a longer one's SHA-256 behind 0xFF |
/// | `v` | the view's number |
/// | `r` | the record |
/// | `o` | what decides which record is newer, as text that sorts so |
/// | `x` | seconds since 1970 after which DynamoDB may forget it |
enum DynamoItem {
    /// The longest partition key.
    static let keyBytes = 2_048
    /// The largest item, names of attributes and all.
    static let itemBytes = 400 * 1_024

    /// What stands before the digest of a key; no entity key begins so.
    static let hashMark: UInt8 = 0xFF

    static func key(_ view: ViewHandle, _ key: UnsafeRawBufferPointer) throws -> [UInt8] {
        let prefix = viewPrefix(view)
        if prefix.count + key.count <= keyBytes { return prefix + key }
        var digest = try SHA256Digest()
        try digest.update(key)
        return prefix + [hashMark] + (try digest.finish())
    }

    /// The key of what the store keeps for itself; no view has the number 0.
    static func ownKey(_ name: String) -> String { Base64.encoded([0, 0, 0, 0] + Array(name.utf8)) }

    /// The kind, then the words that decide, most significant first, as hexadecimal digits.
    static func order(_ header: RecordHeader) -> String {
        let (first, second, third, fourth) = header.order
        let words = [first, second, third, fourth].map { hexadecimal(UInt64(bitPattern: $0) ^ 1 << 63) }
        return "\(header.kind.rawValue)\(words.joined())"
    }

    private static func hexadecimal(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension JSONWriter {
    /// A value of an attribute: `"name": {"B": "…"}`.
    mutating func attribute(_ name: String, _ type: String, _ value: String) {
        key(name)
        object { $0.member(type, value) }
    }
}
