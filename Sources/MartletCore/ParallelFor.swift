internal import Dispatch
internal import Glibc
internal import Synchronization

/// Runs `body` for each index in `0..<count` on at most `threads` threads and returns when all are done.
///
/// For compute over large columns, where a part lasts milliseconds. Blocks the caller; not for use on the cooperative
/// pool.
package func parallelFor(_ count: Int, threads: Int, _ body: @Sendable (Int) -> Void) {
    if count <= 1 || threads <= 1 {
        for index in 0..<count { body(index) }
        return
    }
    let next = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: min(count, threads)) { _ in
        while true {
            let index = next.add(1, ordering: .relaxed).oldValue
            if index >= count { return }
            body(index)
        }
    }
}

/// Runs `body` for stretches of `0..<count` of about equal length, one a thread, where there are enough of them to be
/// worth it.
package func parallelRanges(of count: Int, threads: Int, _ body: @Sendable (Range<Int>) -> Void) {
    let parts = max(1, min(threads, count / 16_384))
    parallelFor(parts, threads: parts) { part in body(count * part / parts..<count * (part + 1) / parts) }
}

/// The processors this process may use.
package var processorCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
