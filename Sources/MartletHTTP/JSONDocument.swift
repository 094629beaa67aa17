internal import CSimdJSON
internal import Glibc
package import MartletCore

/// A JSON text as simdjson parsed it, kept on its tape: nothing is built for a value until it is asked for. Belongs to
/// the thread that parsed it, whose parser it gives back at its end.
package struct JSONDocument: ~Copyable {
    private let document: cmartlet_json

    /// How deep arrays and objects may nest.
    package static let defaultDepthLimit = 32

    /// Parses UTF-8.
    /// - Parameter isPadded: whether `JSONDocument.paddingBytes` readable bytes follow; without them the text is
    ///   copied.
    /// - Throws: `invalidInput` for anything that is not one JSON value: bad UTF-8, numbers that do not fit, text
    ///   after the end, deeper nesting than `depthLimit`.
    package init(
        parsing bytes: UnsafeRawBufferPointer, isPadded: Bool = false, depthLimit: Int = defaultDepthLimit
    ) throws(MartletError) {
        let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        document = cmartlet_json_parse(start, bytes.count, isPadded ? 1 : 0, depthLimit)
        if let failure = document.failure {
            throw MartletError(.invalidInput, "not valid JSON: \(String(cString: failure))")
        }
    }

    deinit { cmartlet_json_release(document) }

    package static let paddingBytes = 64

    /// The outermost value. Elements point into the document: none may be used after its end.
    package var root: JSONElement { JSONElement(tape: document.tape, strings: document.strings, index: 1) }
}

/// A value within a `JSONDocument`, valid as long as the document. Public for the same reason as `ByteWriter`.
public struct JSONElement {
    // Unsafe pointers instead of a lifetime-bound view, because elements are kept in arrays while a request is planned.
    @usableFromInline let tape: UnsafePointer<UInt64>
    @usableFromInline let strings: UnsafePointer<UInt8>
    @usableFromInline let index: Int

    @inlinable @inline(__always)
    init(tape: UnsafePointer<UInt64>, strings: UnsafePointer<UInt8>, index: Int) {
        self.tape = tape
        self.strings = strings
        self.index = index
    }

    package enum Kind: Sendable, Hashable { case object, array, string, integer, double, bool, null }

    @inlinable @inline(__always)
    var tag: UInt8 { UInt8(truncatingIfNeeded: tape[index] &>> 56) }

    package var kind: Kind {
        switch tag {
        case UInt8(ascii: "{"): .object
        case UInt8(ascii: "["): .array
        case UInt8(ascii: "\""): .string
        case UInt8(ascii: "l"), UInt8(ascii: "u"): .integer
        case UInt8(ascii: "d"): .double
        case UInt8(ascii: "t"), UInt8(ascii: "f"): .bool
        default: .null
        }
    }

    @inlinable
    public var isNull: Bool { tag == UInt8(ascii: "n") }

    @inlinable
    public var bool: Bool? {
        switch tag {
        case UInt8(ascii: "t"): true
        case UInt8(ascii: "f"): false
        default: nil
        }
    }

    /// nil also for whole numbers beyond 63 bits and for numbers with a fraction or an exponent.
    @inlinable
    public var int64: Int64? { tag == UInt8(ascii: "l") ? Int64(bitPattern: tape[index + 1]) : nil }

    /// Any number.
    package var double: Double? {
        switch tag {
        case UInt8(ascii: "d"): Double(bitPattern: tape[index + 1])
        case UInt8(ascii: "l"): Double(Int64(bitPattern: tape[index + 1]))
        case UInt8(ascii: "u"): Double(tape[index + 1])
        default: nil
        }
    }

    /// The string's UTF-8, unescaped; nil for anything else.
    @inlinable
    public var utf8: UnsafeRawBufferPointer? {
        guard tag == UInt8(ascii: "\"") else { return nil }
        let start = UnsafeRawPointer(strings) + Int(tape[index] & 0x00FF_FFFF_FFFF_FFFF)
        let count = Int(start.loadUnaligned(as: UInt32.self))
        return UnsafeRawBufferPointer(start: start + 4, count: count)
    }

    package var string: String? { utf8.map { String(decoding: $0, as: UTF8.self) } }

    /// The elements of an array; none for anything else.
    @inlinable
    public var elements: Elements {
        let isArray = tag == UInt8(ascii: "[")
        return Elements(first: isArray ? at(index + 1) : self, end: isArray ? after - 1 : index)
    }

    /// The members of an object in their order, repeated names included; none for anything else.
    @inlinable
    public var members: Members {
        let isObject = tag == UInt8(ascii: "{")
        return Members(first: isObject ? at(index + 1) : self, end: isObject ? after - 1 : index)
    }

    /// The number of elements or members. O(1) below 2^24, else O(count).
    package var count: Int {
        let recorded = Int(tape[index] &>> 32 & 0x00FF_FFFF)
        if tag == UInt8(ascii: "[") {
            return recorded < 0x00FF_FFFF ? recorded : elements.reduce(0) { count, _ in count + 1 }
        }
        if tag == UInt8(ascii: "{") {
            return recorded < 0x00FF_FFFF ? recorded : members.reduce(0) { count, _ in count + 1 }
        }
        return 0
    }

    /// The bytes that the strings of an array occupy in the document, lengths included: equal arrays of strings, and
    /// only these, have equal bytes. nil where an element is not a string.
    package var stringArrayBytes: UnsafeRawBufferPointer? {
        guard tag == UInt8(ascii: "[") else { return nil }
        let end = after - 1
        guard index + 1 < end else { return UnsafeRawBufferPointer(start: strings, count: 0) }
        for position in index + 1..<end where tape[position] &>> 56 != UInt64(UInt8(ascii: "\"")) { return nil }
        let first = Int(tape[index + 1] & 0x00FF_FFFF_FFFF_FFFF)
        let last = Int(tape[end - 1] & 0x00FF_FFFF_FFFF_FFFF)
        let lastCount = Int((UnsafeRawPointer(strings) + last).loadUnaligned(as: UInt32.self))
        return UnsafeRawBufferPointer(start: strings + first, count: last + 4 + lastCount - first)
    }

    /// The index after this element.
    @inlinable @inline(__always)
    var after: Int {
        switch tag {
        case UInt8(ascii: "{"), UInt8(ascii: "["): Int(tape[index] & 0xFFFF_FFFF)
        case UInt8(ascii: "l"), UInt8(ascii: "u"), UInt8(ascii: "d"): index + 2
        default: index + 1
        }
    }

    @inlinable @inline(__always)
    func at(_ index: Int) -> JSONElement { JSONElement(tape: tape, strings: strings, index: index) }

    public struct Elements: Sequence, IteratorProtocol {
        @usableFromInline var element: JSONElement
        @usableFromInline let end: Int

        @inlinable
        init(first: JSONElement, end: Int) {
            element = first
            self.end = end
        }

        @inlinable
        public mutating func next() -> JSONElement? {
            guard element.index < end else { return nil }
            defer { element = element.at(element.after) }
            return element
        }
    }

    public struct Members: Sequence, IteratorProtocol {
        @usableFromInline var element: JSONElement
        @usableFromInline let end: Int

        @inlinable
        init(first: JSONElement, end: Int) {
            element = first
            self.end = end
        }

        @inlinable
        public mutating func next() -> (name: UnsafeRawBufferPointer, value: JSONElement)? {
            guard element.index < end, let name = element.utf8 else { return nil }
            let value = element.at(element.index + 1)
            element = value.at(value.after)
            return (name, value)
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Whether both hold the same bytes.
    package func equals(_ other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count, let left = baseAddress, let right = other.baseAddress else {
            return count == other.count
        }
        return memcmp(left, right, count) == 0
    }

    /// Whether the bytes are those of `text`.
    package func equals(_ text: StaticString) -> Bool {
        equals(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
