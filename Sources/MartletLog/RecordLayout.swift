/// Where the parts of a record lie: checksum, length, event time, arrival time, operation, length of the id, distance
/// from the frame's base offset, then id and payload. The checksum is over all behind it.
enum RecordLayout {
    static let checksum = 0
    static let length = 4
    static let eventTime = 8
    static let arrivalTime = 16
    static let operation = 24
    static let idLength = 26
    static let delta = 28
    static let fixedBytes = 32
    static let longestID = Int(UInt16.max)
}

/// A record within the bytes of a frame.
struct RecordView {
    let bytes: UnsafeRawBufferPointer

    /// - Returns: nil where the bytes do not begin with a whole record that is as it was written.
    @inline(__always)
    init?(_ rest: UnsafeRawBufferPointer) {
        guard let view = RecordView(unchecked: rest) else { return nil }
        self = view
        let covered = UnsafeRawBufferPointer(rebasing: bytes[RecordLayout.length...])
        guard checksum(covered) == bytes.load(RecordLayout.checksum) else { return nil }
    }

    /// Likewise for bytes whose checksum was looked at before.
    @inline(__always)
    init?(unchecked rest: UnsafeRawBufferPointer) {
        guard rest.count >= RecordLayout.fixedBytes else { return nil }
        let length = Int(rest.load(RecordLayout.length, as: UInt32.self))
        guard length >= RecordLayout.fixedBytes, length <= rest.count else { return nil }
        bytes = UnsafeRawBufferPointer(rebasing: rest[..<length])
        guard RecordLayout.fixedBytes + idLength <= length else { return nil }
    }

    var eventTime: Int64 { bytes.load(RecordLayout.eventTime) }
    var arrivalTime: Int64 { bytes.load(RecordLayout.arrivalTime) }
    var operation: UInt8 { bytes[RecordLayout.operation] }
    var idLength: Int { Int(bytes.load(RecordLayout.idLength, as: UInt16.self)) }
    var delta: Int { Int(bytes.load(RecordLayout.delta, as: UInt32.self)) }
    var id: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[RecordLayout.fixedBytes..<RecordLayout.fixedBytes + idLength])
    }
    var payload: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[(RecordLayout.fixedBytes + idLength)...])
    }
}
