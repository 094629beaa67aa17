internal import Synchronization

/// Decides which requests are taken on: so many at once of each kind of work, so many bytes of bodies in memory. What
/// is not taken is refused at once; nothing waits for a place.
final class Admission: Sendable {
    private let workLimit: Int
    private let longWorkLimit: Int
    private let bodyMemoryBytes: Int
    private let online = Atomic<Int>(0)
    private let work = Atomic<Int>(0)
    private let longWork = Atomic<Int>(0)
    private let bodyBytes = Atomic<Int>(0)
    private let refusals: [RefusalCount]

    private final class RefusalCount: Sendable {
        let count = Atomic<Int>(0)
    }

    /// Why a request is refused with 503.
    enum Refusal: Int, CaseIterable {
        case connections, work, longWork, bodyMemory, draining

        var name: String {
            switch self {
            case .connections: "connections"
            case .work: "work"
            case .longWork: "long_work"
            case .bodyMemory: "body_memory"
            case .draining: "draining"
            }
        }
    }

    init(_ settings: HTTPServerSettings) {
        workLimit = settings.waitingLimit
        longWorkLimit = settings.longWorkLimit
        bodyMemoryBytes = settings.bodyMemoryBytes
        refusals = Refusal.allCases.map { _ in RefusalCount() }
    }

    /// Takes one of the places for work of this kind; false where none is free. Online requests that wait, for a store
    /// behind a network, take none of those of others: there is one a connection at most.
    func enter(_ priority: RoutePriority) -> Bool {
        switch priority {
        case .probe, .online: take(online, .max)
        case .work: take(work, workLimit)
        case .longWork: take(longWork, longWorkLimit)
        }
    }

    /// Gives back what `enter` took.
    func leave(_ priority: RoutePriority) {
        switch priority {
        case .probe, .online: online.subtract(1, ordering: .relaxed)
        case .work: work.subtract(1, ordering: .relaxed)
        case .longWork: longWork.subtract(1, ordering: .relaxed)
        }
    }

    private func take(_ places: borrowing Atomic<Int>, _ limit: Int) -> Bool {
        if places.add(1, ordering: .relaxed).newValue <= limit { return true }
        places.subtract(1, ordering: .relaxed)
        return false
    }

    /// Takes memory for a body; false where there is none left.
    func hold(bodyBytes count: Int) -> Bool {
        if bodyBytes.add(count, ordering: .relaxed).newValue <= bodyMemoryBytes { return true }
        bodyBytes.subtract(count, ordering: .relaxed)
        return false
    }

    func release(bodyBytes count: Int) { bodyBytes.subtract(count, ordering: .relaxed) }

    func countRefusal(_ refusal: Refusal) { refusals[refusal.rawValue].count.add(1, ordering: .relaxed) }

    /// Of each kind, how many are under way.
    var running: (online: Int, work: Int, longWork: Int, bodyBytes: Int) {
        (
            online.load(ordering: .relaxed), work.load(ordering: .relaxed), longWork.load(ordering: .relaxed),
            bodyBytes.load(ordering: .relaxed)
        )
    }

    var refused: [(reason: String, count: Int)] {
        Refusal.allCases.map { ($0.name, refusals[$0.rawValue].count.load(ordering: .relaxed)) }
    }
}
