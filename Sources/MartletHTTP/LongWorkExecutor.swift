internal import Dispatch
internal import MartletCore

/// Runs each step of long work on a thread of its own that gives way to all others: while requests wait for a
/// processor, long work gets about a tenth of it. There are never more of these threads than long work is admitted.
final class LongWorkExecutor: TaskExecutor {
    private let threads = DispatchGroup()

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        startThread(group: threads, isPatient: true) {
            job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
    }
}
