internal import MartletCore
internal import MartletDefinitions
internal import MartletHTTP
internal import MartletOnline
package import MartletPlatform
internal import MartletRegistry
internal import Synchronization

extension FeatureServer {
    /// Serves a workspace's online views, and what else can be asked of it under `/v1`, with its settings and limits.
    /// - Parameters:
    ///   - port: nil means the port of `martlet.yaml`; 0 any free one.
    ///   - door: what whoever starts the server says about it.
    /// - Throws: as the other `init`, and what opening the online store throws.
    package convenience init(_ workspace: Workspace, port: UInt16? = nil, door: ServerDoor = ServerDoor()) throws {
        try workspace.sweepUploads()
        let settings = workspace.settings
        var http = HTTPServerSettings(host: settings.server.address, port: port ?? UInt16(settings.server.port))
        http.threads = workspace.threads
        http.connectionLimit = settings.limits.connections
        http.bodyLimitBytes = settings.limits.bodyBytes
        http.waitingLimit = settings.limits.waitingRequests
        http.longWorkLimit = settings.limits.longRequests
        http.bodyMemoryBytes = max(settings.limits.bodyMemoryBytes, settings.limits.transferBytes)
        http.tls = door.tls
        http.drainDelaySeconds = door.drainDelaySeconds
        let applied = AppliedCatalog(workspace)
        let longWork = LongWork()
        let live = LiveEvents(workspace)
        let owner = OwnerAddress(workspace)
        let catalog = try workspace.servingCatalog()
        let keeper = try workspace.hotKeeper()
        var serving = FeatureServerSettings(
            http: http, workspace: settings.workspace, keyLimit: settings.limits.keysPerRequest,
            featureLimit: settings.limits.featuresPerRequest, servesExpired: settings.server.servesExpired,
            accessLog: door.accessLog)
        serving.vectorBytes = settings.limits.vectorBytes
        serving.vectorThreads = workspace.threads
        try self.init(
            serving, catalog: catalog, store: live.onlineStore(), time: workspace.time
        ) { router in
            addFeastRoutes(workspace, live, longWork, to: &router)
            addWorkspaceRoutes(workspace, live, longWork, to: &router) {
                live.definitionsChanged()
                try applied.takeUp()
            }
            addOwnerRoutes(workspace, owner, longWork, to: &router)
        } afterStop: {
            owner.withdraw()
            longWork.end()
            live.stop()
            keeper?.stop()
        } isHealthy: {
            (try? workspace.registry.current()) != nil
        } moreMetrics: { writer in
            let name = settings.workspace
            let labels = "tenant=\"\(name.tenant)\",workspace=\"\(name.name)\""
            if let keeper { writeHotMetrics(keeper, labels: labels, to: &writer) }
            writeLiveMetrics(live, labels: labels, to: &writer)
            let store = try? workspace.onlineStore() as? any ConnectedStore
            if let connections = store?.connections { writeStoreMetrics(connections, labels: labels, to: &writer) }
        } catalogChanged: { catalog in
            keeper?.changed(to: catalog)
        }
        applied.server.withLock { $0.server = self }
        if workspace.hasLog {
            try owner.publish(host: settings.server.address, port: self.port, isSecret: door.tls != nil)
        }
        keeper?.start(catalog)
    }
}

/// Lets a server serve what one of its own requests has applied, before that request is answered.
private final class AppliedCatalog: Sendable {
    private let workspace: Workspace
    let server = Mutex(Reference())

    struct Reference: Sendable {
        weak var server: FeatureServer?
    }

    init(_ workspace: Workspace) { self.workspace = workspace }

    func takeUp() throws {
        // Under the lock, so that of two catalogs the newer one stays.
        try server.withLock { $0.server?.replaceCatalog(try workspace.servingCatalog()) }
    }
}
