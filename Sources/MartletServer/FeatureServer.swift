package import MartletCore
package import MartletHTTP
package import MartletOnline
package import MartletPlatform
internal import Synchronization

/// Serves features: Feast's `/get-online-features` and `/health`, `/v1/health` and Prometheus' `/metrics`, and
/// whatever routes its owner adds.
package final class FeatureServer: Sendable {
    private let online: OnlineHandler
    private let search: SearchHandler
    private let http: HTTPServer
    private let accessLog: AccessLog?
    private let afterStop: @Sendable () -> Void
    private let catalogChanged: @Sendable (ServingCatalog) -> Void

    /// Starts serving `catalog` from `store`.
    /// - Parameters:
    ///   - featureLog: takes the sampled vectors of services that log.
    ///   - routes: adds routes of the owner's own.
    ///   - afterStop: called when requests are answered no more.
    ///   - moreMetrics: appends further ones to `/metrics`.
    ///   - catalogChanged: called with a catalog that is served in place of the one before.
    ///   - isHealthy: whether what the server depends on can be read; asked at most once a second, inline.
    /// - Throws: as `HTTPServer.init`; `fileSystem` where the access log cannot be written.
    package init(
        _ settings: FeatureServerSettings, catalog: ServingCatalog, store: any OnlineStore,
        time: any TimeSource = SystemTimeSource(), featureLog: FeatureLog? = nil,
        routes: (inout Router) -> Void = { _ in },
        afterStop: @escaping @Sendable () -> Void = {}, isHealthy: @escaping @Sendable () -> Bool = { true },
        moreMetrics: @escaping @Sendable (inout ByteWriter) -> Void = { _ in },
        catalogChanged: @escaping @Sendable (ServingCatalog) -> Void = { _ in }
    ) throws {
        let online = OnlineHandler(settings, catalog, store, time, featureLog)
        let search = SearchHandler(settings, store, time)
        let metrics = MetricsBox()
        let health = HealthCheck(time, isHealthy)
        var router = Router()
        router.on(.post, "/get-online-features") { request, writer in
            // A network must not hold up the server's own threads.
            if store.isRemote {
                let body = Array(request.body)
                return .later {
                    var writer = ByteWriter()
                    let status = body.withUnsafeBytes { online.answer($0, isPadded: false, &writer) }
                    return Response(status: status, body: writer.copied())
                }
            }
            return .written(status: online.answer(request.body, isPadded: true, &writer), .json)
        }
        addOnlineRoutes(online, to: &router)
        for path in ["/search", "/retrieve-online-documents"] {
            router.on(.post, path) { request, _ in
                let body = Array(request.body)
                return .later { search.answer(body, online.catalog) }
            }
        }
        router.on(.get, "/health", priority: .probe) { _, _ in .written(status: health.isHealthy ? 200 : 503, .json) }
        // Whether to send requests here. It depends on nothing else: what is loaded is served while the registry is
        // away.
        router.on(.get, "/ready", priority: .probe) { _, writer in
            let isDraining = metrics.server.withLock { $0.http?.isDraining ?? true }
            writer.append(isDraining ? "{\"status\":\"draining\"}" : "{\"status\":\"ready\"}")
            return .written(status: isDraining ? 503 : 200, .json)
        }
        router.on(.get, "/v1/health", priority: .probe) { _, writer in
            let catalog = online.catalog
            writer.append("{\"status\":\"ok\",\"views\":")
            writer.append(decimal: Int64(catalog.views.count))
            writer.append(",\"services\":")
            writer.append(decimal: Int64(catalog.services.count))
            writer.append("}")
            return .written(status: 200, .json)
        }
        router.on(.get, "/metrics", priority: .probe) { _, writer in
            if let observer = metrics.metrics.withLock({ $0 }) {
                observer.write(to: &writer)
                let http = metrics.server.withLock { $0.http }
                if let http { writeActivityMetrics(http.activity, labels: observer.labels, to: &writer) }
            }
            search.writeMetrics(to: &writer)
            moreMetrics(&writer)
            return .written(status: 200, .prometheus)
        }
        routes(&router)
        let observer = Metrics(routes: router.routes.map(\.path), workspace: settings.workspace)
        metrics.metrics.withLock { $0 = observer }
        self.online = online
        self.search = search
        self.routes = router.routes
        self.afterStop = afterStop
        self.catalogChanged = catalogChanged
        accessLog = try settings.accessLog.map {
            try AccessLog(path: $0, routes: router.routes, workspace: settings.workspace)
        }
        let http = try HTTPServer(settings.http, router: router, observer: observer, accessLog: accessLog)
        self.http = http
        metrics.server.withLock { $0.http = http }
    }

    package var port: UInt16 { http.port }

    /// What it does at this moment.
    package var activity: ServerActivity { http.activity }

    /// Reads the certificate again and opens the access log again by its name.
    /// - Throws: what the first of them that fails throws; it stays as it was.
    package func reload() throws {
        try accessLog?.reopen()
        try http.reloadCertificate()
    }

    /// Reads the certificate again where its files are not what they were.
    /// - Returns: whether they were read.
    /// - Throws: once for each change that is no good; the certificate of before stays.
    package func reloadChangedCertificate() throws -> Bool { try http.reloadChangedCertificate() }

    /// All it answers, in the order in which they were added.
    package let routes: [Router.Route]

    package var catalog: ServingCatalog { online.catalog }

    /// Serves another catalog from the next request on; no request is dropped.
    package func replaceCatalog(_ catalog: ServingCatalog) {
        online.replaceCatalog(catalog)
        search.replaceCatalog(catalog)
        catalogChanged(catalog)
    }

    /// Answers the body of a `/get-online-features` request without HTTP; the answer is appended to `writer`.
    /// - Returns: the HTTP status.
    package func answer(body: [UInt8], to writer: inout ByteWriter) -> Int {
        body.withUnsafeBytes { online.answer($0, isPadded: false, &writer) }
    }

    /// Lets running requests end and stops; what still runs then is cancelled. Blocks.
    package func stop() {
        http.stop()
        accessLog?.close()
        afterStop()
    }
}

/// The metrics know the routes, one of which shows the metrics; and the server has a route that asks after itself.
private final class MetricsBox: Sendable {
    let metrics = Mutex<Metrics?>(nil)
    let server = Mutex(Reference())

    struct Reference: Sendable {
        weak var http: HTTPServer?
    }
}
