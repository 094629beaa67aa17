package import MartletCore
package import MartletHTTP
package import MartletOnline
package import MartletPlatform
internal import Synchronization

/// Serves features: Feast's `/get-online-features` and `/health`, `/v1/health` and Prometheus' `/metrics`, and
/// whatever routes its owner adds.
package final class FeatureServer: Sendable {
    private let online: OnlineHandler
    private let http: HTTPServer
    private let afterStop: @Sendable () -> Void

    /// Starts serving `catalog` from `store`.
    /// - Parameters:
    ///   - featureLog: takes the sampled vectors of services that log.
    ///   - routes: adds routes of the owner's own.
    ///   - afterStop: called when requests are answered no more.
    ///   - moreMetrics: appends further ones to `/metrics`.
    ///   - isHealthy: whether what the server depends on can be read; asked at most once a second, inline.
    /// - Throws: as `HTTPServer.init`.
    package init(
        _ settings: FeatureServerSettings, catalog: ServingCatalog, store: any OnlineStore,
        time: any TimeSource = SystemTimeSource(), featureLog: FeatureLog? = nil,
        routes: (inout Router) -> Void = { _ in },
        afterStop: @escaping @Sendable () -> Void = {}, isHealthy: @escaping @Sendable () -> Bool = { true },
        moreMetrics: @escaping @Sendable (inout ByteWriter) -> Void = { _ in }
    ) throws {
        let online = OnlineHandler(settings, catalog, store, time, featureLog)
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
        router.on(.get, "/health") { _, _ in .written(status: health.isHealthy ? 200 : 503, .json) }
        // Whether to send requests here. It depends on nothing else: what is loaded is served while the registry is
        // away.
        router.on(.get, "/ready") { _, writer in
            let isDraining = metrics.server.withLock { $0.http?.isDraining ?? true }
            writer.append(isDraining ? "{\"status\":\"draining\"}" : "{\"status\":\"ready\"}")
            return .written(status: isDraining ? 503 : 200, .json)
        }
        router.on(.get, "/v1/health") { _, writer in
            let catalog = online.catalog
            writer.append("{\"status\":\"ok\",\"views\":")
            writer.append(decimal: Int64(catalog.views.count))
            writer.append(",\"services\":")
            writer.append(decimal: Int64(catalog.services.count))
            writer.append("}")
            return .written(status: 200, .json)
        }
        router.on(.get, "/metrics") { _, writer in
            metrics.metrics.withLock { $0 }?.write(to: &writer)
            moreMetrics(&writer)
            return .written(status: 200, .prometheus)
        }
        routes(&router)
        let observer = Metrics(routes: router.routes.map(\.path), workspace: settings.workspace)
        metrics.metrics.withLock { $0 = observer }
        self.online = online
        self.routes = router.routes
        self.afterStop = afterStop
        let http = try HTTPServer(settings.http, router: router, observer: observer)
        self.http = http
        metrics.server.withLock { $0.http = http }
    }

    package var port: UInt16 { http.port }

    /// All it answers, in the order in which they were added.
    package let routes: [Router.Route]

    package var catalog: ServingCatalog { online.catalog }

    /// Serves another catalog from the next request on; no request is dropped.
    package func replaceCatalog(_ catalog: ServingCatalog) { online.replaceCatalog(catalog) }

    /// Answers the body of a `/get-online-features` request without HTTP; the answer is appended to `writer`.
    /// - Returns: the HTTP status.
    package func answer(body: [UInt8], to writer: inout ByteWriter) -> Int {
        body.withUnsafeBytes { online.answer($0, isPadded: false, &writer) }
    }

    /// Lets running requests end and stops; what still runs then is cancelled. Blocks.
    package func stop() {
        http.stop()
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
