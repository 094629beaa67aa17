package import MartletCore

/// A latest-value row read in place. After the header come one bit a feature, set where a value is present, in whole
/// 64-bit words, then one 8-byte slot a feature, then the tail. Numbers, times and bools stand in their slot; a text, a
/// list (`StoredList`) or a map (`StoredMap`) has there its offset from the start of the record (4 bytes) and its
/// length in bytes (4 bytes).
///
/// Public so that its accessors become part of the code that calls them from another module.
public struct LatestRow {
    // A view over borrowed bytes: it must not outlive the read that it came from.
    @usableFromInline let presence: UnsafeRawPointer
    @usableFromInline let slots: UnsafeRawPointer
    private let count: Int
    public let eventTime: Int64

    /// - Throws: `corruptData` where the bytes are no row of `featureCount` features.
    package init(_ record: UnsafeRawBufferPointer, featureCount: Int) throws(MartletError) {
        let (stored, eventTime) = try RecordHeader.latestRow(record)
        let slotOffset = latestSlotOffset(featureCount)
        guard stored == featureCount, record.count >= slotOffset &+ 8 &* featureCount, let base = record.baseAddress
        else { throw Self.differs(stored, featureCount) }
        presence = base + RecordHeader.byteCount
        slots = base + slotOffset
        count = record.count
        self.eventTime = eventTime
    }

    @inline(never)
    private static func differs(_ stored: Int, _ featureCount: Int) -> MartletError {
        MartletError(
            .corruptData, "a row of the online store has \(stored) features, not \(featureCount)",
            fix: "materialize the view again")
    }

    @inlinable @inline(__always)
    public func isPresent(_ feature: Int) -> Bool {
        let word = presence.loadUnaligned(fromByteOffset: feature &>> 6 &* 8, as: UInt64.self)
        return UInt64(littleEndian: word) &>> UInt64(feature & 63) & 1 != 0
    }

    /// The slot as it stands: an integer or a time, the bits of a double, the bits of a float in the low half, 0 or 1.
    @inlinable @inline(__always)
    public func bits(_ feature: Int) -> UInt64 {
        UInt64(littleEndian: slots.loadUnaligned(fromByteOffset: feature &* 8, as: UInt64.self))
    }

    /// The bytes of a text value.
    /// - Throws: `corruptData` where they lie outside the record.
    package func text(_ feature: Int) throws(MartletError) -> UnsafeRawBufferPointer {
        let slot = bits(feature)
        let offset = Int(slot & 0xFFFF_FFFF)
        let size = Int(slot &>> 32)
        guard offset &+ size <= count else {
            throw MartletError(.corruptData, "a text in the online store lies outside its row")
        }
        return UnsafeRawBufferPointer(start: presence - RecordHeader.byteCount + offset, count: size)
    }
}

@inline(__always)
func latestSlotOffset(_ featureCount: Int) -> Int { RecordHeader.byteCount &+ (featureCount &+ 63) &>> 6 &* 8 }
