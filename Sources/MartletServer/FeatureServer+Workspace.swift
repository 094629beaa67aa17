internal import MartletCore
internal import MartletDefinitions
internal import MartletHTTP
package import MartletPlatform
internal import MartletRegistry

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
        let applied = CatalogFollower(workspace)
        let longWork = LongWork()
        let live = LiveEvents(workspace)
        var logLimits = FeatureLog.Limits()
        logLimits.bufferedRows = settings.limits.servedRows
        logLimits.flushEvery = settings.limits.servedEvery
        let featureLog = FeatureLog(workspace, logLimits)
        try self.init(
            FeatureServerSettings(
                http: http, workspace: settings.workspace, keyLimit: settings.limits.keysPerRequest,
                featureLimit: settings.limits.featuresPerRequest, servesExpired: settings.server.servesExpired),
            catalog: workspace.servingCatalog(), store: live.onlineStore(), time: workspace.time,
            featureLog: featureLog
        ) { router in
            addFeastRoutes(workspace, longWork, to: &router)
            addWorkspaceRoutes(workspace, live, longWork, to: &router) {
                live.definitionsChanged()
                try applied.takeUp()
            }
        } afterStop: {
            applied.stop()
            longWork.end()
            live.stop()
            featureLog.stop()
        } isHealthy: {
            (try? workspace.registry.current()) != nil
        } moreMetrics: { writer in
            let name = settings.workspace
            let labels = "tenant=\"\(name.tenant)\",workspace=\"\(name.name)\""
            writeLiveMetrics(live, labels: labels, to: &writer)
            writeMetrics(of: featureLog, labels: labels, to: &writer)
        }
        featureLog.start()
        applied.start(self)
    }
}
