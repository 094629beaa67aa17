internal import Dispatch
internal import Glibc

/// Runs `body` for each index in `0..<count` on at most `threads` threads and returns when all are done.
///
/// For compute over large columns, where a part lasts milliseconds. Blocks the caller; not for use on the cooperative
/// pool.
package func parallelFor(_ count: Int, threads: Int, _ body: @Sendable (Int) -> Void) {
    if count <= 1 || threads <= 1 {
        for index in 0..<count { body(index) }
        return
    }
    DispatchQueue.concurrentPerform(iterations: count) { body($0) }
}

/// The processors this process may use.
package var processorCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
