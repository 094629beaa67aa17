/// Memory for copies of records that lives as long as the read they were made for, and is used again by the next.
final class RecordArena {
    private var blocks: [UnsafeMutableRawBufferPointer] = []
    private var block = 0
    private var used = 0

    private static let blockBytes = 64 << 10

    deinit { for block in blocks { block.deallocate() } }

    func removeAll() {
        block = 0
        used = 0
    }

    @inline(__always)
    func copy(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let size = (bytes.count &+ 7) & ~7
        if block >= blocks.count || used &+ size > blocks[block].count { goOn(size) }
        let target = UnsafeMutableRawBufferPointer(rebasing: blocks[block][used..<used &+ bytes.count])
        target.copyMemory(from: bytes)
        used &+= size
        return UnsafeRawBufferPointer(target)
    }

    @inline(never)
    private func goOn(_ size: Int) {
        if block < blocks.count { block += 1 }
        used = 0
        if block < blocks.count, blocks[block].count >= size { return }
        blocks.insert(.allocate(byteCount: max(size, Self.blockBytes), alignment: 8), at: block)
    }
}
