package import Dispatch
internal import Glibc

/// Runs `body` on a thread of its own, for long work that another thread waits for: the shared queues may have no
/// thread left while their threads wait for this very work. `group` holds it until it ends.
package func startThread(group: DispatchGroup, _ body: @escaping @Sendable () -> Void) {
    group.enter()
    let work = Unmanaged.passRetained(
        ThreadWork {
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

private final class ThreadWork: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
