package import MartletCore

extension EntityKeys {
    /// The values of an encoded key, one for each join key.
    /// - Throws: `corruptData` for bytes that are no key of these types.
    package static func values(of key: UnsafeRawBufferPointer, _ fields: [Field]) throws(MartletError) -> [Value] {
        var rest = key[...]
        func take(_ count: Int) throws(MartletError) -> UnsafeRawBufferPointer {
            guard rest.count >= count else { throw foreignKey }
            defer { rest = rest.dropFirst(count) }
            return UnsafeRawBufferPointer(rebasing: rest.prefix(count))
        }
        var values: [Value] = []
        for field in fields {
            guard let tag = Tag(rawValue: try take(1)[0]) else { throw foreignKey }
            switch (tag, field.type) {
            case (.bool, .bool): values.append(.bool(try take(1)[0] != 0))
            case (.integer, .int64): values.append(.int64(word(try take(8))))
            case (.integer, .int32): values.append(.int32(Int32(truncatingIfNeeded: word(try take(8)))))
            case (.timestamp, .timestamp): values.append(.timestamp(Timestamp(microseconds: word(try take(8)))))
            case (.string, .string), (.bytes, .bytes):
                let size = UInt32(bigEndian: try take(4).loadUnaligned(as: UInt32.self))
                let bytes = try take(Int(size))
                values.append(
                    tag == .bytes ? .bytes(Array(bytes)) : .string(String(decoding: bytes, as: UTF8.self)))
            default: throw foreignKey
            }
        }
        guard rest.isEmpty else { throw foreignKey }
        return values
    }
}

/// Big-endian, the sign flipped.
private func word(_ bytes: UnsafeRawBufferPointer) -> Int64 {
    Int64(bitPattern: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)) ^ 1 << 63)
}

private var foreignKey: MartletError {
    MartletError(.corruptData, "an entity key of the online store is not of the view's key types")
}
