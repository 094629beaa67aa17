/// Variable-length byte strings in one buffer: string `i` is `bytes[offsets[i]..<offsets[i + 1]]`.
///
/// Holds at most `Int32.max` bytes; a longer column is split into batches by whoever builds it.
package struct ByteStrings: Sendable, Hashable {
    package private(set) var offsets: [Int32]
    package private(set) var bytes: [UInt8]

    package init() {
        offsets = [0]
        bytes = []
    }

    /// - Precondition: `offsets` starts at 0, never falls, and ends at `bytes.count`.
    package init(offsets: [Int32], bytes: [UInt8]) {
        precondition(offsets.first == 0 && offsets.last == Int32(bytes.count), "offsets span the bytes")
        self.offsets = offsets
        self.bytes = bytes
    }

    package init(_ strings: some Sequence<String>) {
        self.init()
        for string in strings { append(string) }
    }

    package var count: Int { offsets.count - 1 }

    package mutating func reserveCapacity(_ count: Int, bytes byteCount: Int) {
        offsets.reserveCapacity(count + 1)
        bytes.reserveCapacity(byteCount)
    }

    package mutating func append(_ string: String) {
        bytes.append(contentsOf: string.utf8)
        offsets.append(Int32(bytes.count))
    }

    package mutating func append(contentsOf slice: some Sequence<UInt8>) {
        bytes.append(contentsOf: slice)
        offsets.append(Int32(bytes.count))
    }

    package mutating func append(_ slice: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: slice)
        offsets.append(Int32(bytes.count))
    }

    package mutating func append(contentsOf other: ByteStrings) {
        let base = offsets[offsets.count - 1]
        bytes.append(contentsOf: other.bytes)
        offsets.append(contentsOf: other.offsets.dropFirst().lazy.map { $0 + base })
    }

    package func range(_ index: Int) -> Range<Int> { Int(offsets[index])..<Int(offsets[index + 1]) }

    package func slice(_ index: Int) -> ArraySlice<UInt8> { bytes[range(index)] }

    /// Allocates a `String`: for edges only.
    package subscript(index: Int) -> String { String(decoding: slice(index), as: UTF8.self) }
}
