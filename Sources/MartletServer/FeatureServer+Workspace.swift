internal import MartletCore
internal import MartletDefinitions
internal import MartletHTTP
internal import MartletOnline
package import MartletPlatform
internal import MartletRegistry

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
        let applied = CatalogFollower(workspace)
        let longWork = LongWork()
        let catalog = try workspace.servingCatalog()
        let keeper = try workspace.hotKeeper()
        let owner = OwnerAddress(workspace)
        let live = LiveEvents(workspace, whenOpen: { owner.hasLog() })
        var serving = FeatureServerSettings(
            http: http, workspace: settings.workspace, keyLimit: settings.limits.keysPerRequest,
            featureLimit: settings.limits.featuresPerRequest, servesExpired: settings.server.servesExpired,
            accessLog: door.accessLog)
        serving.vectorBytes = settings.limits.vectorBytes
        serving.vectorThreads = workspace.threads
        var logLimits = FeatureLog.Limits()
        logLimits.bufferedRows = settings.limits.servedRows
        logLimits.flushEvery = settings.limits.servedEvery
        let featureLog = FeatureLog(workspace, logLimits)
        try self.init(
            serving, catalog: catalog, store: live.onlineStore(), time: workspace.time, featureLog: featureLog
        ) { router in
            addFeastRoutes(workspace, live, longWork, to: &router)
            addWorkspaceRoutes(workspace, live, longWork, to: &router) {
                live.definitionsChanged()
                try applied.takeUp()
            }
            addOwnerRoutes(workspace, owner, longWork, to: &router)
        } afterStop: {
            owner.withdraw()
            applied.stop()
            longWork.end()
            live.stop()
            featureLog.stop()
            keeper?.stop()
        } isHealthy: {
            (try? workspace.registry.current()) != nil
        } moreMetrics: { writer in
            let name = settings.workspace
            let labels = "tenant=\"\(name.tenant)\",workspace=\"\(name.name)\""
            if let keeper { writeHotMetrics(keeper, labels: labels, to: &writer) }
            writeLiveMetrics(live, labels: labels, to: &writer)
            writeMetrics(of: featureLog, labels: labels, to: &writer)
            let store = try? workspace.onlineStore() as? any ConnectedStore
            if let connections = store?.connections { writeStoreMetrics(connections, labels: labels, to: &writer) }
        } catalogChanged: { catalog in
            keeper?.changed(to: catalog)
        }
        owner.answers(host: settings.server.address, port: self.port, isSecret: door.tls != nil)
        featureLog.start()
        applied.start(self)
        keeper?.start(catalog)
    }
}
