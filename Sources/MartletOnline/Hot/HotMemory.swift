internal import Glibc

/// Zeroed memory of the hot tier in large pages where the kernel has them: a table that is read at random otherwise
/// misses the translation cache at each step. What is not touched takes no memory.
struct HotMemory: @unchecked Sendable {
    // @unchecked: an address range; who may touch what lies in it is the shards' business.
    let base: UnsafeMutableRawPointer
    let byteCount: Int

    init(byteCount: Int) {
        self.byteCount = byteCount
        let mapped = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let mapped, mapped != MAP_FAILED else {
            preconditionFailure("no address space for a hot tier of \(byteCount) bytes")
        }
        base = mapped
        // Advice: where it cannot be followed, small pages do.
        madvise(base, byteCount, MADV_HUGEPAGE)
    }

    func deallocate() { munmap(base, byteCount) }
}
