internal import Dispatch
internal import Glibc
internal import MartletCore

/// Runs each step of long work on a thread of its own that gives way to all others: while requests wait for a
/// processor, long work gets about a tenth of it. There are never more of these threads than long work is admitted.
final class LongWorkExecutor: TaskExecutor {
    private let threads = DispatchGroup()

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        startThread(group: threads) {
            giveWayToOthers()
            job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
    }
}

/// Lets the calling thread, and those that it starts from now on, give way to the others of this machine, for good: a
/// thread cannot take back its importance, which is why none that is shared does this.
package func giveWayToOthers() {
    // Nobody means the calling thread, as Linux has it.
    setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
}
