internal import CCompression

/// A content coding (RFC 9110, 8.4) that a client takes.
enum ContentCoding {
    case gzip
    case brotli

    var name: StaticString {
        switch self {
        case .gzip: "gzip"
        case .brotli: "br"
        }
    }

    /// The coding for an `Accept-Encoding` header: the one with the greater weight, brotli of equals; nil where the
    /// client takes neither. `*` counts for those that are not named.
    init?(accepting header: UnsafePointer<CChar>) {
        // The text is short, and looked at only for answers that are large enough to be coded.
        var weights: [String: Double] = [:]
        for part in String(cString: header).lowercased().split(separator: ",") {
            let words = part.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
            guard let name = words.first else { continue }
            var weight = 1.0
            for word in words.dropFirst() where word.hasPrefix("q=") { weight = Double(word.dropFirst(2)) ?? 0 }
            weights[name] = weight
        }
        let any = weights["*"] ?? 0
        let brotli = weights["br"] ?? any
        let gzip = weights["gzip"] ?? weights["x-gzip"] ?? any
        guard max(brotli, gzip) > 0 else { return nil }
        self = brotli >= gzip ? .brotli : .gzip
    }

    /// Levels that cost little more than copying: an answer is coded on the thread that serves others.
    private static let gzipLevel: Int32 = 1
    private static let brotliQuality: Int32 = 2
    private static let brotliWindowBits: Int32 = 18

    /// Appends the coded bytes.
    /// - Returns: false where there is no memory; nothing is appended then.
    func encode(_ bytes: UnsafeRawBufferPointer, to writer: inout ByteWriter) -> Bool {
        let room: Int
        switch self {
        case .gzip: room = cmartlet_gzip_bound(bytes.count)
        case .brotli: room = BrotliEncoderMaxCompressedSize(bytes.count)
        }
        guard room > 0 else { return false }
        writer.reserve(room)
        let target = writer.base + writer.count
        var written = 0
        switch self {
        case .gzip: written = cmartlet_gzip(bytes.baseAddress, bytes.count, Self.gzipLevel, target, room)
        case .brotli:
            written = room
            let status = BrotliEncoderCompress(
                Self.brotliQuality, Self.brotliWindowBits, BROTLI_MODE_TEXT, bytes.count,
                bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), &written, target)
            if status == 0 { written = 0 }
        }
        writer.count += written
        return written > 0
    }
}

/// What became of a body that was sent as gzip.
enum Decoded {
    case bytes
    case damaged
    case tooLarge
}

/// Appends what one gzip member holds, at most `limitBytes` and at most `ratioLimit` times its own size.
func decodeGzip(_ bytes: UnsafeRawBufferPointer, limitBytes: Int, to writer: inout ByteWriter) -> Decoded {
    // Deflate's own bound is 1,032; JSON and Parquet come nowhere near a hundred.
    let ratioLimit = 100
    let room = min(limitBytes, max(1 << 16, bytes.count * ratioLimit))
    // Room grows with what comes, so that a small body does not take the limit's memory.
    var tried = min(room, max(1 << 12, bytes.count * 8))
    while true {
        writer.reserve(tried)
        let count = cmartlet_gunzip(bytes.baseAddress, bytes.count, writer.base + writer.count, tried)
        if count >= 0 {
            writer.count += count
            return .bytes
        }
        guard count == Int(cmartlet_gunzip_too_large) else { return .damaged }
        if tried == room { return .tooLarge }
        tried = min(room, tried * 4)
    }
}
