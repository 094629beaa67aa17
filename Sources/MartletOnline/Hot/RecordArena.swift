internal import Glibc

/// Memory for copies of records that lives as long as the read they were made for, and is used again by the next.
final class RecordArena {
    // One read has it at a time; a check of that at each access would cost more than the copy.
    @exclusivity(unchecked) private var next: UnsafeMutableRawPointer
    @exclusivity(unchecked) private var room: Int
    @exclusivity(unchecked) private var blocks: [UnsafeMutableRawBufferPointer]
    @exclusivity(unchecked) private var block = 0

    private static let blockBytes = 64 << 10

    init() {
        let first = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.blockBytes, alignment: 64)
        blocks = [first]
        guard let base = first.baseAddress else { preconditionFailure("a block has an address") }
        next = base
        room = first.count
    }

    deinit { for block in blocks { block.deallocate() } }

    func removeAll() { begin(0) }

    @inline(__always)
    func copy(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let size = (bytes.count &+ 7) & ~7
        if size > room { goOn(size) }
        let target = next
        if let base = bytes.baseAddress { memcpy(target, base, bytes.count) }
        next = target + size
        room &-= size
        return UnsafeRawBufferPointer(start: target, count: bytes.count)
    }

    @inline(never)
    private func goOn(_ size: Int) {
        block += 1
        if block == blocks.count || blocks[block].count < size {
            blocks.insert(.allocate(byteCount: max(size, Self.blockBytes), alignment: 64), at: block)
        }
        begin(block)
    }

    private func begin(_ index: Int) {
        block = index
        guard let base = blocks[index].baseAddress else { preconditionFailure("a block has an address") }
        next = base
        room = blocks[index].count
    }
}
