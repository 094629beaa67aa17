package import Dispatch
internal import Glibc

/// Runs `body` on a thread of its own, for long work that another thread waits for: the shared queues may have no
/// thread left while their threads wait for this very work. `group` holds it until it ends.
/// - Parameter isPatient: whether it gives way to other threads of the process where processors are scarce, as do the
///   threads that it starts.
package func startThread(
    group: DispatchGroup, isPatient: Bool = false, _ body: @escaping @Sendable () -> Void
) {
    group.enter()
    let work = Unmanaged.passRetained(
        ThreadWork {
            // On Linux niceness is a thread's own, and what it starts inherits it.
            if isPatient { setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, patientNiceness) }
            body()
            group.leave()
        })
    var thread = pthread_t()
    let status = pthread_create(
        &thread, nil,
        { pointer in
            guard let pointer else { return nil }
            Unmanaged<ThreadWork>.fromOpaque(pointer).takeRetainedValue().body()
            return nil
        }, work.toOpaque())
    guard status == 0 else {
        // No thread is to be had: the caller does the work itself, later rather than never.
        let kept = work.takeRetainedValue()
        DispatchQueue.global().async { kept.body() }
        return
    }
    pthread_detach(thread)
}

private let patientNiceness: Int32 = 10

private final class ThreadWork: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
