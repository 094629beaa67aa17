internal import Dispatch
internal import MartletCore
internal import MartletOnline
internal import MartletPlatform
internal import MartletRegistry
internal import Synchronization

/// Lets a server serve what is applied and loaded, by whichever process: looks several times a second, on a thread of
/// its own, whether anything has changed, and hands over the whole catalog at once.
final class CatalogFollower: Sendable {
    private static let everyMilliseconds = 200
    /// While something that is applied waits to be loaded by the server itself, which no mark tells.
    private static let everyWhileWaiting = 5

    private let workspace: Workspace
    private let wake = DispatchSemaphore(value: 0)
    private let running = DispatchGroup()
    private let isStopping = Atomic<Bool>(false)
    private let state: Mutex<State>

    private struct State: Sendable {
        var mark: Registry.ChangeMark?
        var isWaiting = false
        /// A server owns its follower, not the other way round.
        var server = Reference()
    }

    private struct Reference: Sendable {
        weak var server: FeatureServer?
    }

    init(_ workspace: Workspace) {
        self.workspace = workspace
        state = Mutex(State())
    }

    func start(_ server: FeatureServer) {
        state.withLock { $0.server.server = server }
        startThread(group: running) { [self] in run() }
    }

    func stop() {
        isStopping.store(true, ordering: .relaxed)
        wake.signal()
        running.wait()
    }

    /// Takes up what is applied now.
    func takeUp() throws {
        // Under the lock, so that of two catalogs the newer one stays.
        try state.withLock { state in
            let mark = try workspace.registry.changeMark()
            let catalog = try workspace.servingCatalog()
            state.mark = mark
            state.isWaiting = catalog.revision != mark.revision
            state.server.server?.replaceCatalog(catalog)
        }
    }

    private func run() {
        var count = 0
        while !isStopping.load(ordering: .relaxed) {
            _ = wake.wait(timeout: .now() + .milliseconds(Self.everyMilliseconds))
            count += 1
            let (known, isWaiting) = state.withLock { ($0.mark, $0.isWaiting) }
            // While the registry cannot be read, what is served stays.
            guard let mark = try? workspace.registry.changeMark() else { continue }
            if mark != known || isWaiting && count % Self.everyWhileWaiting == 0 { try? takeUp() }
        }
    }
}
