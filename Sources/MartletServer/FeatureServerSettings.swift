package import MartletCore
package import MartletHTTP

/// What a feature server listens on, whom it serves and what a request may ask for.
package struct FeatureServerSettings: Sendable {
    package var http: HTTPServerSettings
    /// Whose features these are; every metric carries it.
    package var workspace: WorkspaceID
    /// Rows of `entities` in one request; more are refused with 422.
    package var keyLimit: Int
    /// Features in one request; more are refused with 422.
    package var featureLimit: Int
    /// Resolved feature lists that are kept; beyond that, one is dropped for each new one.
    package var planLimit: Int

    /// Whether a value older than its view's ttl is served as it is, as Feast's servers do, and not as
    /// `OUTSIDE_MAX_AGE`.
    package var servesExpired: Bool

    /// Memory for the embeddings that are searched, and the threads of one search.
    package var vectorBytes = 1 << 30
    package var vectorThreads = processorCount
    /// Where a line is written for each request: a file, or `-` for standard output; nil for no such log.
    package var accessLog: String?

    package init(
        http: HTTPServerSettings = HTTPServerSettings(), workspace: WorkspaceID, keyLimit: Int = 10_000,
        featureLimit: Int = 1_000, planLimit: Int = 1_024, servesExpired: Bool = false,
        accessLog: String? = nil
    ) {
        self.http = http
        self.workspace = workspace
        self.keyLimit = keyLimit
        self.featureLimit = featureLimit
        self.planLimit = planLimit
        self.servesExpired = servesExpired
        self.accessLog = accessLog
    }
}
