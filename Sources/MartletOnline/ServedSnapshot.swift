internal import FoundationEssentials
package import MartletCore

/// What an answer was computed from: the definitions, the moment, and of each view the state of its record. Its text
/// goes out with answers and comes back to be explained, so that a server keeps nothing for it.
package struct ServedSnapshot: Sendable, Hashable {
    package struct View: Sendable, Hashable {
        package var name: String
        package var version: Int
        package var mark: RecordMark
        /// Whether all entities of the answer have that mark; otherwise it is the latest of theirs.
        package var isExact: Bool

        package init(name: String, version: Int, mark: RecordMark, isExact: Bool = true) {
            self.name = name
            self.version = version
            self.mark = mark
            self.isExact = isExact
        }
    }

    /// The revision of the definitions.
    package var revision: Int64
    package var instant: Timestamp
    /// The views with rows that were read; one that did not answer is not among them.
    package var views: [View]

    package init(revision: Int64, instant: Timestamp, views: [View]) {
        self.revision = revision
        self.instant = instant
        self.views = views
    }

    package func view(_ name: String) -> View? { views.first { $0.name == name } }
}

extension ServedSnapshot {
    private static let prefix = "s1."
    private static let longestText = 64 << 10

    /// A few dozen characters a view, of those that stand in a URL as they are.
    package var text: String {
        var bytes: [UInt8] = []
        func append(_ value: Int64) {
            // Zigzag, so that small numbers of either sign are short; then seven bits a byte.
            var rest = UInt64(bitPattern: value << 1 ^ value >> 63)
            while rest >= 0x80 {
                bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            bytes.append(UInt8(rest))
        }
        append(revision)
        append(instant.microseconds)
        append(Int64(views.count))
        for view in views {
            let name = Array(view.name.utf8)
            append(Int64(name.count))
            bytes += name
            append(Int64(view.version))
            bytes.append(view.mark.kind.rawValue << 1 | (view.isExact ? 1 : 0))
            guard view.mark.kind != .nothing else { continue }
            // Times lie close to one another.
            append(instant.microseconds &- view.mark.eventTime)
            append(instant.microseconds &- view.mark.createdTime)
            append(view.mark.kind == .tiles ? instant.microseconds &- view.mark.position : view.mark.position)
            append(view.mark.mark)
        }
        let check = bytes.withUnsafeBytes { UInt32(truncatingIfNeeded: hashed($0)) }
        withUnsafeBytes(of: check.littleEndian) { bytes += $0 }
        let base64 = Data(bytes).base64EncodedString()
        let characters = base64.compactMap { $0 == "=" ? nil : $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }
        return Self.prefix + String(characters)
    }

    /// - Throws: `invalidInput` for a text that is no snapshot, or not whole.
    package init(text: String) throws(MartletError) {
        let fault = MartletError(
            .invalidInput, "that is no snapshot of an answer", fix: "take `snapshot` from an answer as it stands")
        guard text.hasPrefix(Self.prefix), text.utf8.count <= Self.longestText else { throw fault }
        var base64 = String(
            text.dropFirst(Self.prefix.count).map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
        while base64.utf8.count % 4 != 0 { base64 += "=" }
        guard let data = Data(base64Encoded: base64), data.count > 4 else { throw fault }
        let bytes = Array(data.dropLast(4))
        let check = bytes.withUnsafeBytes { UInt32(truncatingIfNeeded: hashed($0)) }
        guard Array(data.suffix(4)) == withUnsafeBytes(of: check.littleEndian, { Array($0) }) else { throw fault }
        var reader = SnapshotReader(bytes: bytes)
        guard let snapshot = reader.snapshot() else { throw fault }
        self = snapshot
    }
}

/// Reads what `ServedSnapshot.text` wrote; nil at the first thing that does not fit.
private struct SnapshotReader {
    let bytes: [UInt8]
    private var place = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func snapshot() -> ServedSnapshot? {
        guard let revision = number(), let instant = number(), let count = number(), (0...1_000).contains(count)
        else { return nil }
        var views: [ServedSnapshot.View] = []
        for _ in 0..<count {
            guard let view = view(instant) else { return nil }
            views.append(view)
        }
        guard place == bytes.count else { return nil }
        return ServedSnapshot(revision: revision, instant: Timestamp(microseconds: instant), views: views)
    }

    private mutating func view(_ instant: Int64) -> ServedSnapshot.View? {
        guard let length = number(), length >= 0, length <= Int64(bytes.count - place) else { return nil }
        let name = String(decoding: bytes[place..<place + Int(length)], as: UTF8.self)
        place += Int(length)
        guard let version = number().flatMap({ Int(exactly: $0) }), let flags = byte(),
            let kind = RecordMark.Kind(rawValue: flags >> 1)
        else { return nil }
        var mark = RecordMark.nothing
        if kind != .nothing {
            guard let event = number(), let created = number(), let position = number(), let offset = number() else {
                return nil
            }
            mark = RecordMark(
                kind: kind, eventTime: instant &- event, createdTime: instant &- created,
                position: kind == .tiles ? instant &- position : position, mark: offset)
        }
        return ServedSnapshot.View(name: name, version: version, mark: mark, isExact: flags & 1 != 0)
    }

    private mutating func byte() -> UInt8? {
        guard place < bytes.count else { return nil }
        defer { place += 1 }
        return bytes[place]
    }

    private mutating func number() -> Int64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = byte() else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) }
        }
        return nil
    }
}
