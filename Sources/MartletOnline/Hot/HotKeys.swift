/// The keys that a hot tier was asked for most, as they are kept between two processes: advice, so that what is damaged
/// or of another version is as good as none.
///
/// The bytes: `MHK1`, the number of views (4), for each its name (4 and the bytes) and its keys: their number (4), and
/// each (4 and the bytes); at last a hash of all before it (8). Little-endian.
package struct HotKeys: Sendable {
    /// By the view's identity as text, the most used first.
    package var views: [(name: String, keys: EntityKeys)] = []

    private static let magic: [UInt8] = Array("MHK1".utf8)

    package init() {}

    package var encoded: [UInt8] {
        var bytes = Self.magic
        func append(_ count: Int) { withUnsafeBytes(of: UInt32(count).littleEndian) { bytes.append(contentsOf: $0) } }
        append(views.count)
        for (name, keys) in views {
            append(name.utf8.count)
            bytes.append(contentsOf: name.utf8)
            append(keys.uniqueCount)
            for index in 0..<keys.uniqueCount {
                keys.withKey(index) { key in
                    append(key.count)
                    bytes.append(contentsOf: key)
                }
            }
        }
        let sum = bytes.withUnsafeBytes { hashed($0) }
        withUnsafeBytes(of: sum.littleEndian) { bytes.append(contentsOf: $0) }
        return bytes
    }

    /// - Returns: nil for bytes that are not what `encoded` gives.
    package init?(decoding bytes: [UInt8]) {
        let decoded = bytes.withUnsafeBytes { all -> [(name: String, keys: EntityKeys)]? in
            guard all.count >= Self.magic.count + 8 else { return nil }
            let body = UnsafeRawBufferPointer(rebasing: all[..<(all.count - 8)])
            let sum = UInt64(littleEndian: all.loadUnaligned(fromByteOffset: body.count, as: UInt64.self))
            guard body.starts(with: Self.magic), hashed(body) == sum else { return nil }
            var reader = Reader(bytes: body, offset: Self.magic.count)
            return reader.views()
        }
        guard let decoded else { return nil }
        views = decoded
    }

    private struct Reader {
        let bytes: UnsafeRawBufferPointer
        var offset: Int

        mutating func views() -> [(name: String, keys: EntityKeys)]? {
            guard let count = self.count() else { return nil }
            var views: [(name: String, keys: EntityKeys)] = []
            for _ in 0..<count {
                guard let name = slice(), let keyCount = self.count() else { return nil }
                var keys = EntityKeys()
                for _ in 0..<keyCount {
                    guard let key = slice() else { return nil }
                    keys.append(encoded: key)
                }
                views.append((String(decoding: name, as: UTF8.self), keys))
            }
            return views
        }

        private mutating func count() -> Int? {
            guard bytes.count - offset >= 4 else { return nil }
            defer { offset += 4 }
            return Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
        }

        private mutating func slice() -> UnsafeRawBufferPointer? {
            guard let size = count(), bytes.count - offset >= size else { return nil }
            defer { offset += size }
            return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + size])
        }
    }
}
