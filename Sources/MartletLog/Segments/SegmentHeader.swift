internal import MartletCore

/// The start of each segment: whose log it is, and its place there.
struct SegmentHeader: Equatable {
    static let magic: [UInt8] = Array("MARTLOG1".utf8)
    private static let fixedBytes = 56
    /// Enough for every header: names are identifiers.
    static let mostBytes = 256

    var workspace: WorkspaceID
    var baseOffset: Int64
    var key: MarkKey

    var bytes: [UInt8] {
        let tenant = Array(workspace.tenant.name.utf8)
        let name = Array(workspace.name.utf8)
        var covered: [UInt8] = []
        covered.appendNumber(baseOffset)
        covered.appendNumber(key.first)
        covered.appendNumber(key.second)
        covered.appendNumber(UInt64(tenant.count))
        covered.appendNumber(UInt64(name.count))
        covered += tenant + name
        while covered.count & 7 != 0 { covered.append(0) }
        var bytes = Self.magic
        bytes.appendNumber(UInt32(16 + covered.count))
        bytes.appendNumber(covered.withUnsafeBytes { checksum($0) })
        return bytes + covered
    }

    init(workspace: WorkspaceID, baseOffset: Int64, key: MarkKey) {
        self.workspace = workspace
        self.baseOffset = baseOffset
        self.key = key
    }

    /// - Returns: nil where the bytes do not begin with a header.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= Self.fixedBytes, bytes.starts(with: Self.magic) else { return nil }
        let read: SegmentHeader? = bytes.withUnsafeBytes { bytes in
            let length = Int(bytes.load(8, as: UInt32.self))
            guard length >= Self.fixedBytes, length <= bytes.count,
                checksum(UnsafeRawBufferPointer(rebasing: bytes[16..<length])) == bytes.load(12)
            else { return nil }
            let tenantLength = Int(clamping: bytes.load(40, as: UInt64.self))
            let nameLength = Int(clamping: bytes.load(48, as: UInt64.self))
            guard tenantLength < 256, nameLength < 256, Self.fixedBytes + tenantLength + nameLength <= length,
                let tenant = TenantID(
                    String(decoding: bytes[Self.fixedBytes..<Self.fixedBytes + tenantLength], as: UTF8.self)),
                let workspace = WorkspaceID(
                    tenant: tenant,
                    name: String(
                        decoding: bytes[Self.fixedBytes + tenantLength..<Self.fixedBytes + tenantLength + nameLength],
                        as: UTF8.self))
            else { return nil }
            return SegmentHeader(
                workspace: workspace, baseOffset: bytes.load(16),
                key: MarkKey(first: bytes.load(24), second: bytes.load(32)))
        }
        guard let read else { return nil }
        self = read
    }
}

/// What is known of a segment without reading it.
struct SegmentSummary: Sendable, Hashable {
    var baseOffset: Int64
    var endOffset: Int64
    /// What is durable of it.
    var sizeBytes: Int
    /// Of its frames by the log's clock; `leastAppendTime` above the other where there is none.
    var leastAppendTime = Int64.max
    var greatestAppendTime = Int64.min
    var leastEventTime = Int64.max
    var greatestEventTime = Int64.min
    /// Events and appends that can be told apart by a mark.
    var marks = 0
    /// Rises in this process when compaction writes the segment anew: positions within are others then.
    var generation = 0

    mutating func add(_ frame: FrameHeader, end: Int) {
        endOffset = frame.endOffset
        sizeBytes = end
        leastAppendTime = min(leastAppendTime, frame.appendTime)
        greatestAppendTime = max(greatestAppendTime, frame.appendTime)
        leastEventTime = min(leastEventTime, frame.leastEventTime)
        greatestEventTime = max(greatestEventTime, frame.greatestEventTime)
    }
}

/// The name of a segment's file, which sorts by its offset.
func segmentName(_ baseOffset: Int64, _ ending: String = "log") -> String {
    let digits = String(baseOffset)
    return String(repeating: "0", count: max(0, 20 - digits.count)) + digits + "." + ending
}

/// The offset in the name of a segment's file; nil for other files.
func segmentOffset(_ name: String, _ ending: String = "log") -> Int64? {
    guard name.count == 21 + ending.count, name.hasSuffix("." + ending) else { return nil }
    return Int64(name.prefix(20))
}
