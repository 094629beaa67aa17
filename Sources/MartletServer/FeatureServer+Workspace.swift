internal import MartletCore
internal import MartletDefinitions
internal import MartletHTTP
package import MartletPlatform

extension FeatureServer {
    /// Serves a workspace's online views, and what else can be asked of it under `/v1`, with its settings and limits.
    /// - Parameter port: nil means the port of `martlet.yaml`; 0 any free one.
    /// - Throws: `portInUse`, and what opening the online store throws.
    package convenience init(_ workspace: Workspace, port: UInt16? = nil) throws {
        let settings = workspace.settings
        var http = HTTPServerSettings(host: settings.server.address, port: port ?? UInt16(settings.server.port))
        http.threads = workspace.threads
        http.connectionLimit = settings.limits.connections
        http.bodyLimitBytes = settings.limits.bodyBytes
        try self.init(
            FeatureServerSettings(
                http: http, workspace: settings.workspace, keyLimit: settings.limits.keysPerRequest,
                featureLimit: settings.limits.featuresPerRequest),
            catalog: workspace.servingCatalog(), store: workspace.onlineStore(), time: workspace.time
        ) { router in
            addWorkspaceRoutes(workspace, to: &router)
        }
    }
}
