internal import CISAL

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4).
func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    guard let base = bytes.baseAddress else { return 0 }
    // The library reads only; its parameter lacks the const.
    let start = UnsafeMutablePointer(mutating: base.assumingMemoryBound(to: UInt8.self))
    return ~crc32_iscsi(start, Int32(bytes.count), ~0)
}
