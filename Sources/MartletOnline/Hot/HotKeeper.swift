internal import Dispatch
internal import MartletCore
internal import MartletObjects
internal import Synchronization

/// Keeps the hot tier of a server warm: at start with the keys that the process before was asked for most, after a flip
/// to another version of a view with those of the version before. It notes the keys now and then and at its end.
package final class HotKeeper: Sendable {
    package let tier: HotTier
    private let files: LocalObjectStore
    private let everySeconds: Int
    private let isStopping = Atomic<Bool>(false)
    private let wake = DispatchSemaphore(value: 0)
    private let running = DispatchGroup()
    private let state = Mutex(State())

    private struct State {
        var views: [OnlineView] = []
        var flips: [(from: OnlineView, to: OnlineView)] = []
        /// How many answers came from memory when the keys were last noted.
        var notedHits = 0
        var warmedRecords = 0
    }

    private static let name = "keys"
    /// Of one view: so many take some megabytes.
    private static let keyLimit = 200_000
    /// Between which the store's snapshot is let go.
    private static let stepKeys = 1_000
    private static let fileLimitBytes = 64 << 20

    /// - Parameter folder: where the keys are kept; made at first use.
    package init(_ tier: HotTier, folder: String, everySeconds: Int = 60) throws {
        self.tier = tier
        self.everySeconds = everySeconds
        files = try LocalObjectStore(url: folder)
    }

    /// Records that were read before anyone asked for them.
    package var warmedRecords: Int { state.withLock { $0.warmedRecords } }

    /// Warms `catalog` with what is noted and goes on beside the requests, on a thread of its own.
    package func start(_ catalog: ServingCatalog) {
        state.withLock { $0.views = Array(catalog.views.values) }
        startThread(group: running) { [self] in run() }
    }

    /// Tells of another catalog: what is served in a new version is warmed with the keys of the old one.
    package func changed(to catalog: ServingCatalog) {
        state.withLock { state in
            for old in state.views {
                guard let new = catalog.views[old.name], new.identity != old.identity else { continue }
                state.flips.append((old, new))
            }
            state.views = Array(catalog.views.values)
        }
        wake.signal()
    }

    /// Notes the keys and ends. Blocks for as long as that takes.
    package func stop() {
        guard !isStopping.exchange(true, ordering: .relaxed) else { return }
        wake.signal()
        running.wait()
        note()
    }

    /// Warming is advice: a store that cannot be read says so to those who ask it for more.
    private func run() {
        warmNoted()
        while !isStopping.load(ordering: .relaxed) {
            let isTimedOut = wake.wait(timeout: .now() + .seconds(everySeconds)) == .timedOut
            for flip in state.withLock({ state in
                defer { state.flips = [] }
                return state.flips
            }) {
                guard let old = try? tier.handle(for: flip.from.identity) else { continue }
                warm(flip.to, tier.mostUsedKeys(of: old, limit: Self.keyLimit))
            }
            if isTimedOut { note() }
        }
    }

    private func warmNoted() {
        guard let bytes = try? files.get(Self.name, sizeBytesMax: Self.fileLimitBytes),
            let noted = HotKeys(decoding: bytes)
        else { return }
        let views = state.withLock { $0.views }
        for (name, keys) in noted.views {
            guard let view = views.first(where: { $0.identity.description == name }) else { continue }
            warm(view, keys)
        }
    }

    private func warm(_ view: OnlineView, _ keys: EntityKeys) {
        guard let handle = try? tier.handle(for: view.identity) else { return }
        var start = 0
        while start < keys.uniqueCount, !isStopping.load(ordering: .relaxed) {
            let end = min(start + Self.stepKeys, keys.uniqueCount)
            var step = EntityKeys()
            for index in start..<end { keys.withKey(index) { step.append(encoded: $0) } }
            guard let count = try? tier.warm(handle, step) else { return }
            state.withLock { $0.warmedRecords += count }
            start = end
        }
    }

    private func note() {
        let hits = tier.statistics.hits
        let views = state.withLock { state -> [OnlineView] in
            defer { state.notedHits = hits }
            return state.notedHits == hits ? [] : state.views
        }
        var noted = HotKeys()
        for view in views {
            guard let handle = try? tier.handle(for: view.identity) else { continue }
            let keys = tier.mostUsedKeys(of: handle, limit: Self.keyLimit)
            if keys.uniqueCount > 0 { noted.views.append((view.identity.description, keys)) }
        }
        if !noted.views.isEmpty { try? files.put(Self.name, noted.encoded) }
    }
}
