/// The bytes of a record while anybody reads them.
// @unchecked: the bytes are written before anybody else sees the object, and never after.
final class ServedRecord: @unchecked Sendable {
    private let memory: UnsafeMutableRawBufferPointer

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(memory) }

    init(_ record: borrowing [UInt8]) {
        memory = .allocate(byteCount: record.count, alignment: 8)
        record.withUnsafeBytes { memory.copyMemory(from: $0) }
    }

    deinit { memory.deallocate() }
}
