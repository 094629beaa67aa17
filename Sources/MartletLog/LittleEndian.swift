// Numbers within bytes, little-endian, aligned or not. Callers have checked that they lie within.

extension UnsafeRawBufferPointer {
    @inline(__always)
    func load<T: FixedWidthInteger & BitwiseCopyable>(_ position: Int, as type: T.Type = T.self) -> T {
        T(littleEndian: loadUnaligned(fromByteOffset: position, as: T.self))
    }
}

extension UnsafeMutableRawBufferPointer {
    @inline(__always)
    func store<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, _ position: Int) {
        storeBytes(of: value.littleEndian, toByteOffset: position, as: T.self)
    }
}

extension [UInt8] {
    mutating func appendNumber(_ value: some FixedWidthInteger & BitwiseCopyable) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }
}
