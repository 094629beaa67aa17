package import MartletCore

/// A latest-value row read in place. After the header come one bit a feature, set where a value is present, in whole
/// 64-bit words, then one 8-byte slot a feature, then the tail. Numbers, times and bools stand in their slot; a text, a
/// list (`StoredList`) or a map (`StoredMap`) has there its offset from the start of the record (4 bytes) and its length
/// in bytes (4 bytes).
package struct LatestRow {
    // A view over borrowed bytes: it must not outlive the read that it came from.
    private let base: UnsafeRawPointer
    private let count: Int
    private let slotOffset: Int
    package let eventTime: Int64

    /// - Throws: `corruptData` where the bytes are no row of `featureCount` features.
    package init(_ record: UnsafeRawBufferPointer, featureCount: Int) throws(MartletError) {
        let header = try RecordHeader(reading: record, kind: .latest)
        slotOffset = latestSlotOffset(featureCount)
        guard header.featureCount == featureCount, record.count >= slotOffset &+ 8 &* featureCount,
            let base = record.baseAddress
        else {
            throw MartletError(
                .corruptData, "a row of the online store has \(header.featureCount) features, not \(featureCount)",
                fix: "materialize the view again")
        }
        self.base = base
        count = record.count
        eventTime = header.eventTime
    }

    @inline(__always)
    package func isPresent(_ feature: Int) -> Bool {
        let word = base.loadUnaligned(fromByteOffset: RecordHeader.byteCount &+ feature &>> 6 &* 8, as: UInt64.self)
        return UInt64(littleEndian: word) &>> UInt64(feature & 63) & 1 != 0
    }

    /// The slot as it stands: an integer or a time, the bits of a double, the bits of a float in the low half, 0 or 1.
    @inline(__always)
    package func bits(_ feature: Int) -> UInt64 {
        UInt64(littleEndian: base.loadUnaligned(fromByteOffset: slotOffset &+ feature &* 8, as: UInt64.self))
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
        return UnsafeRawBufferPointer(start: base + offset, count: size)
    }
}

@inline(__always)
func latestSlotOffset(_ featureCount: Int) -> Int { RecordHeader.byteCount &+ (featureCount &+ 63) &>> 6 &* 8 }
