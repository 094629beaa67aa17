internal import CSimdJSON
internal import Glibc
package import MartletCore

/// A growable byte buffer that is written to from front to back and reused: the body of an answer. One for each
/// connection, so that an answer costs no allocation once the buffer has grown to its size.
///
/// Public because only the bodies of public declarations become part of the code that calls them from another module.
public struct ByteWriter: ~Copyable {
    public private(set) var base: UnsafeMutablePointer<UInt8>
    public private(set) var capacity: Int
    public var count: Int

    package init(capacity: Int = 1_024) {
        self.capacity = max(64, capacity)
        base = .allocate(capacity: self.capacity)
        count = 0
    }

    deinit { base.deallocate() }

    /// The bytes written so far; valid until the next write.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    package func copied() -> [UInt8] { Array(bytes) }

    /// Empties the buffer and keeps its memory, up to `keptBytes`: one large answer must not hold memory for ever.
    package mutating func removeAll(keeping keptBytes: Int = 1 << 20) {
        count = 0
        if capacity > keptBytes {
            base.deallocate()
            capacity = max(64, keptBytes)
            base = .allocate(capacity: capacity)
        }
    }

    /// Forgets what was written after the first `length` bytes.
    package mutating func truncate(to length: Int) {
        precondition(length >= 0 && length <= count, "only written bytes can be kept")
        count = length
    }

    /// Makes room for `extra` more bytes.
    @inlinable @inline(__always)
    public mutating func reserve(_ extra: Int) {
        if count &+ extra > capacity { grow(extra) }
    }

    @inline(never) @usableFromInline
    mutating func grow(_ extra: Int) {
        let larger = max(capacity * 2, count + extra)
        let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        moved.update(from: base, count: count)
        base.deallocate()
        base = moved
        capacity = larger
    }

    @inlinable @inline(__always)
    public mutating func append(_ byte: UInt8) {
        reserve(1)
        base[count] = byte
        count &+= 1
    }

    @inlinable @inline(__always)
    public mutating func append(_ text: StaticString) {
        let size = text.utf8CodeUnitCount
        reserve(size)
        (base + count).update(from: text.utf8Start, count: size)
        count &+= size
    }

    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        reserve(bytes.count)
        memcpy(base + count, start, bytes.count)
        count &+= bytes.count
    }

    package mutating func append(contentsOf bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    package mutating func append(text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// Repeats the bytes of `range`, which are already written, at the end.
    @inlinable @inline(__always)
    public mutating func append(repeating range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "only written bytes can be repeated")
        reserve(range.count)
        (base + count).update(from: base + range.lowerBound, count: range.count)
        count &+= range.count
    }

    /// The number in decimal.
    package mutating func append(decimal value: Int64) {
        reserve(20)
        if value >= 0, value < 10 {
            base[count] = UInt8(truncatingIfNeeded: value) &+ 48
            count &+= 1
            return
        }
        let size = (base + count).withMemoryRebound(to: CChar.self, capacity: 20) {
            cmartlet_format_integer(value, $0)
        }
        count &+= size
    }

    /// The shortest decimal text that reads back as the same double; `.0` on whole numbers.
    /// - Precondition: `value` is finite.
    package mutating func append(decimal value: Double) {
        reserve(40)
        let size = (base + count).withMemoryRebound(to: CChar.self, capacity: 40) {
            cmartlet_format_double(value, $0)
        }
        count &+= size
    }

    /// RFC 3339 in UTC with 0, 3 or 6 fraction digits.
    package mutating func append(_ time: Timestamp) {
        let days = flooredDivision(time.microseconds, by: 86_400_000_000)
        let rest = time.microseconds &- days &* 86_400_000_000
        let (year, month, day) = civilFromDays(Int(days))
        guard (0...9_999).contains(year) else {
            append(text: time.description)
            return
        }
        reserve(27)
        appendPadded(year, digits: 4)
        append(UInt8(ascii: "-"))
        appendPadded(month, digits: 2)
        append(UInt8(ascii: "-"))
        appendPadded(day, digits: 2)
        append(UInt8(ascii: "T"))
        let seconds = Int(rest / 1_000_000)
        appendPadded(seconds / 3_600, digits: 2)
        append(UInt8(ascii: ":"))
        appendPadded(seconds / 60 % 60, digits: 2)
        append(UInt8(ascii: ":"))
        appendPadded(seconds % 60, digits: 2)
        let fraction = Int(rest % 1_000_000)
        if fraction != 0 {
            append(UInt8(ascii: "."))
            if fraction % 1_000 == 0 {
                appendPadded(fraction / 1_000, digits: 3)
            } else {
                appendPadded(fraction, digits: 6)
            }
        }
        append(UInt8(ascii: "Z"))
    }

    private mutating func appendPadded(_ value: Int, digits: Int) {
        var rest = value
        var position = count &+ digits
        count = position
        for _ in 0..<digits {
            position &-= 1
            base[position] = UInt8(truncatingIfNeeded: rest % 10) &+ 48
            rest /= 10
        }
    }
}
