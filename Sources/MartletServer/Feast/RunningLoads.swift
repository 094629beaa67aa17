internal import Synchronization

/// The views that requests are loading, so that a second load of one can be refused.
final class RunningLoads: Sendable {
    private let counts = Mutex<[String: Int]>([:])

    /// Begins loading the views, all or none.
    /// - Parameter isForced: begins also where one is being loaded: the newer values win whatever the order.
    /// - Returns: the views that are being loaded already; empty where the load has begun.
    func begin(_ views: [String], isForced: Bool) -> [String] {
        counts.withLock { counts in
            let busy = views.filter { counts[$0] != nil }
            if !busy.isEmpty, !isForced { return busy }
            for view in views { counts[view, default: 0] += 1 }
            return []
        }
    }

    func end(_ views: [String]) {
        counts.withLock { counts in
            for view in views {
                let rest = (counts[view] ?? 1) - 1
                counts[view] = rest > 0 ? rest : nil
            }
        }
    }
}
