internal import MartletCore
internal import MartletDefinitions
internal import MartletHTTP
package import MartletPlatform
internal import MartletRegistry
internal import Synchronization

extension FeatureServer {
    /// Serves a workspace's online views, and what else can be asked of it under `/v1`, with its settings and limits.
    /// - Parameter port: nil means the port of `martlet.yaml`; 0 any free one.
    /// - Throws: `portInUse`, and what opening the online store throws.
    package convenience init(_ workspace: Workspace, port: UInt16? = nil) throws {
        try workspace.sweepUploads()
        let settings = workspace.settings
        var http = HTTPServerSettings(host: settings.server.address, port: port ?? UInt16(settings.server.port))
        http.threads = workspace.threads
        http.connectionLimit = settings.limits.connections
        http.bodyLimitBytes = settings.limits.bodyBytes
        let applied = AppliedCatalog(workspace)
        let longWork = LongWork()
        let live = LiveEvents(workspace)
        let owner = OwnerAddress(workspace)
        try self.init(
            FeatureServerSettings(
                http: http, workspace: settings.workspace, keyLimit: settings.limits.keysPerRequest,
                featureLimit: settings.limits.featuresPerRequest, servesExpired: settings.server.servesExpired),
            catalog: workspace.servingCatalog(), store: live.onlineStore(), time: workspace.time
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
        } isHealthy: {
            (try? workspace.registry.current()) != nil
        } moreMetrics: { writer in
            let name = settings.workspace
            writeLiveMetrics(live, labels: "tenant=\"\(name.tenant)\",workspace=\"\(name.name)\"", to: &writer)
        }
        applied.server.withLock { $0.server = self }
        if workspace.hasLog { try owner.publish(host: settings.server.address, port: self.port) }
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
