internal import Glibc
package import MartletCore
package import MartletDefinitions
internal import MartletKeyValue
internal import MartletLog
internal import MartletObjects
internal import MartletOnline
package import MartletQuery
package import MartletRegistry
internal import MartletTables
internal import Synchronization

/// A feature repository with its backends wired: what every use case works on. Parts are opened at first use, so that
/// serving does not pay for the query engine.
package final class Workspace: Sendable {
    /// The repository's folder, absolute.
    package let directory: String
    package let settings: WorkspaceSettings
    package let time: any TimeSource
    package let registry: Registry
    private let parts = Mutex(Parts())
    // Apart from the others, which must not wait while a long log is opened.
    private let openIntake = Mutex<EventIntake?>(nil)

    private struct Parts {
        var engine: QueryEngine?
        var tables: Tables?
        var online: (any OnlineStore)?
        var isServing = false
    }

    /// Opens the workspace that `martlet.yaml` in `directory` describes; makes its folders and brings the registry up
    /// to date.
    /// - Throws: `invalidSettings`, `fileSystem`, `corruptData`.
    package init(directory: String, time: any TimeSource = SystemTimeSource()) throws {
        guard let resolved = unsafe realpath(directory, nil) else {
            throw MartletError(.notFound, "there is no folder \(directory)")
        }
        defer { unsafe free(resolved) }
        self.directory = unsafe String(cString: resolved)
        self.time = time
        do {
            settings = try WorkspaceSettings.load(directory: self.directory)
        } catch {
            throw error.summary
        }
        let path = try Self.path(of: settings.registry, scheme: "sqlite", part: "registry", in: self.directory)
        try makeFolder(parent(of: path))
        registry = try Registry.open(path: path, workspace: settings.workspace, now: time.now())
    }

    /// The threads of a parallel piece of work.
    package var threads: Int { settings.limits.threads == 0 ? processorCount : settings.limits.threads }

    package var engine: QueryEngine {
        get throws {
            try parts.withLock { parts in
                if let engine = parts.engine { return engine }
                guard ["duckdb", "spark"].contains(settings.engine.scheme) else {
                    throw unsupported(settings.engine, "engine")
                }
                let temporary = temporaryDirectory
                try makeFolder(temporary)
                var query = QuerySettings(
                    threads: threads, memoryLimitBytes: settings.limits.memoryBytes, temporaryDirectory: temporary)
                query.isPatient = parts.isServing
                let engine = try QueryEngine(query)
                parts.engine = engine
                return engine
            }
        }
    }

    /// Says that requests are answered beside other work: the query engine gives way to them.
    func beginServing() { parts.withLock { $0.isServing = true } }

    var tables: Tables {
        get throws {
            let engine = try engine
            return try parts.withLock { parts in
                if let tables = parts.tables { return tables }
                let path = try Self.path(of: settings.tables, scheme: "file", part: "tables", in: directory)
                let tables = Tables(store: try LocalObjectStore(url: path), engine: engine, time: time)
                parts.tables = tables
                return tables
            }
        }
    }

    /// The online store, opened for reading and writing.
    var online: any OnlineStore {
        get throws {
            try parts.withLock { parts in
                if let online = parts.online { return online }
                let store = try openOnlineStore()
                var hot = HotTierSettings()
                // A store that tells its version is served from memory exactly as from itself.
                let otherwise = store.version == nil ? 0 : hot.sizeBytes
                let set = settings.limits.hotTierBytes
                hot.sizeBytes = set == 0 ? otherwise : set
                hot.staleness = settings.limits.hotTierStaleness
                hot.outageStaleness = settings.limits.hotTierOutage
                let online: any OnlineStore = hot.sizeBytes >= 64 << 10 ? HotTier(over: store, hot, time: time) : store
                parts.online = online
                return online
            }
        }
    }

    /// The log and what belongs to it. Opened, this process takes events in, and no other does.
    /// - Throws: `conflict` where another process has it.
    var intake: EventIntake {
        get throws {
            try openIntake.withLock { opened in
                if let opened { return opened }
                let path = try Self.path(of: settings.log, scheme: "file", part: "log", in: directory)
                let folder = "\(path)/\(settings.workspace)"
                try makeFolder(folder)
                let intake = try EventIntake(folder: folder, settings.workspace, registry, time)
                opened = intake
                return intake
            }
        }
    }

    /// Whether this process takes the workspace's events in.
    package var hasLog: Bool { openIntake.withLock { $0 != nil } }

    /// Secrets stand in the environment, never in `martlet.yaml` (docs/backends.md).
    private func openOnlineStore() throws -> any OnlineStore {
        let url = settings.online
        func environment(_ name: String) -> String? { unsafe getenv(name).map { unsafe String(cString: $0) } }
        switch url.scheme {
        case "redis", "redis+cluster":
            let redis = try RedisSettings(
                location: url.location, isCluster: url.scheme == "redis+cluster", environment: environment)
            return RedisOnlineStore(redis, time: time)
        case "dynamodb":
            return DynamoOnlineStore(
                try DynamoSettings(location: url.location, environment: environment), time: time)
        default:
            let path = try Self.path(of: url, scheme: "lmdb", part: "online", in: directory)
            try makeFolder(path)
            return try LMDBOnlineStore(
                path: path, limits: EnvironmentLimits(mapSizeBytes: settings.limits.onlineBytes))
        }
    }

    func table(_ name: TableName?) throws -> DeltaTable {
        guard let name else { throw MartletError(.internalFault, "a table of an applied definition has a valid name") }
        return try tables.table(name, in: settings.workspace)
    }

    func seconds(since started: UInt64) -> Double { Double(time.monotonicNanoseconds() &- started) / 1e9 }

    private static func path(of url: BackendURL, scheme: String, part: String, in directory: String) throws -> String {
        guard url.scheme == scheme else { throw unsupported(url, part) }
        return url.path(in: directory)
    }
}

private func unsupported(_ url: BackendURL, _ part: String) -> MartletError {
    MartletError(
        .invalidSettings, "this version cannot keep its \(part) in \(url.scheme):",
        place: .init(file: FeatureRepository.settingsFile), fix: "leave `\(part)` out to use the embedded default")
}
