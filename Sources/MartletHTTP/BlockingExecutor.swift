internal import Dispatch

/// Runs tasks on threads that may block, apart from the small pool of Swift's own.
final class BlockingExecutor: TaskExecutor {
    private let queue: DispatchQueue

    /// - Parameter quality: each has threads of its own.
    init(_ quality: DispatchQoS) {
        queue = DispatchQueue(label: "martlet.http.blocking", qos: quality, attributes: .concurrent)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
