internal import Glibc

// Every value of eight bytes or less as an Int64 that sorts as the value does, so that one kernel serves all types.

/// Doubles in their total order: -0 comes before +0.
@inline(__always)
func orderedBits(_ value: Double) -> Int64 {
    let bits = Int64(bitPattern: value.bitPattern)
    return bits ^ Int64(bitPattern: UInt64(bitPattern: bits &>> 63) &>> 1)
}

/// The inverse of `orderedBits`.
@inline(__always)
func doubleOfOrderedBits(_ ordered: Int64) -> Double {
    let bits = ordered ^ Int64(bitPattern: UInt64(bitPattern: ordered &>> 63) &>> 1)
    return Double(bitPattern: UInt64(bitPattern: bits))
}

/// The ordered bits of -0, which equals +0 when different values are counted.
let negativeZeroOrderedBits: Int64 = -1

/// Bytes in the order of unsigned bytes, the shorter first where one is the beginning of the other.
package struct ByteKey: Sendable, Hashable, Comparable {
    package var bytes: [UInt8]

    package init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    package static func < (left: ByteKey, right: ByteKey) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

/// - Returns: negative, zero or positive as `left` sorts before, with or after `right`.
@inline(__always)
func compareBytes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
    let common = min(left.count, right.count)
    if common > 0, let first = left.baseAddress, let second = right.baseAddress {
        let order = memcmp(first, second, common)
        if order != 0 { return Int(order) }
    }
    return left.count - right.count
}
