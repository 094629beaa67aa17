internal import Glibc
internal import Synchronization

/// The system calls that the local store makes.
package enum FileCall: String, Sendable, Hashable, CaseIterable {
    case open, read, write, fsync, rename, link, unlink, mkdir, stat, list
}

/// Makes chosen system calls fail, for tests: "the second fsync fails with EIO".
package final class FileFaults: Sendable {
    private struct Plan {
        var counts: [FileCall: Int] = [:]
        var failures: [FileCall: [Int: Int32]] = [:]
    }

    private let plan = Mutex(Plan())

    package init() {}

    /// Lets the `nth` call from now on (1 is the next) fail with `code` without being made.
    package func fail(_ call: FileCall, nth: Int = 1, with code: Int32) {
        plan.withLock { $0.failures[call, default: [:]][$0.counts[call, default: 0] + nth] = code }
    }

    /// Forgets the failures that have not happened yet.
    package func clear() { plan.withLock { $0.failures = [:] } }

    /// How often the call was asked for.
    package func count(of call: FileCall) -> Int { plan.withLock { $0.counts[call, default: 0] } }

    /// The error code this call shall fail with, if any.
    func next(_ call: FileCall) -> Int32? {
        plan.withLock {
            $0.counts[call, default: 0] += 1
            return $0.failures[call]?.removeValue(forKey: $0.counts[call, default: 0])
        }
    }
}

/// Calls through to the system, repeats interrupted calls, and lets planned faults happen.
struct FileCalls: Sendable {
    let faults: FileFaults?

    /// - Parameter body: the call; a negative result means that `errno` is set.
    func run(_ call: FileCall, _ path: String, _ body: () -> Int) throws -> Int {
        if let code = faults?.next(call) { throw FileFailure(call: call, path: path, code: code) }
        while true {
            let result = body()
            if result >= 0 { return result }
            // Read before anything that may retain or release, and so change it.
            let code = errno
            if code != EINTR { throw FileFailure(call: call, path: path, code: code) }
        }
    }
}
