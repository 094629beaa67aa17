internal import MartletCore
internal import MartletDefinitions
internal import MartletHTTP
internal import MartletPlatform

/// Adds what a client can ask of a workspace beyond online features: each route takes a request apart, calls one use
/// case and writes its answer.
/// - Parameter afterApply: called when definitions were applied, before the request is answered.
func addWorkspaceRoutes(
    _ workspace: Workspace, _ live: LiveEvents, _ longWork: LongWork, to router: inout Router,
    afterApply: @escaping @Sendable () throws -> Void
) {
    let limit = workspace.settings.limits.transferBytes
    router.on(.post, "/v1/training-sets", bodyLimitBytes: limit, priority: .longWork) { request, _ in
        try buildTrainingSet(request, workspace, longWork)
    }
    router.on(.get, "/v1/datasets", priority: .work) { request, _ in try listDatasets(request, workspace) }
    router.on(.get, "/v1/datasets/{id}", priority: .work) { request, _ in try showDataset(request, workspace) }
    router.on(.get, "/v1/datasets/{id}/rows", priority: .longWork) { request, _ in try fetchDataset(request, workspace)
    }
    router.on(.post, "/v1/events/{source}", bodyLimitBytes: limit, priority: .work) { request, _ in
        try pushEvents(request, workspace, live)
    }
    router.on(.get, "/v1/status", priority: .work) { _, _ in showStatus(workspace, live) }
    router.on(.post, "/v1/plan", priority: .work) { request, _ in try planDefinitions(request, workspace) }
    router.on(.post, "/v1/apply", priority: .work) { request, _ in try applyDefinitions(request, workspace, afterApply)
    }
}

/// Work that may block, on a thread that may; what it throws becomes problem+json.
func later(_ work: @escaping @Sendable () throws -> Response) -> Reply {
    .later {
        do {
            return try work()
        } catch let faults as DefinitionFaults {
            return problem(faults.faults[0], others: Array(faults.faults.dropFirst()))
        } catch let error as MartletError where error.place == nil {
            return problem(error)
        } catch let error as MartletError {
            // Places are kept only of what the client sent, and that has come as faults of definitions.
            return problem(MartletError(error.code, error.message, fix: error.fix))
        } catch {
            return problem(error)
        }
    }
}

/// Whom a request's changes are recorded under: requests carry no names yet.
func requestPrincipal(_ workspace: Workspace) -> Principal {
    Principal(tenant: workspace.settings.tenant, name: "http")
}

/// A refusal that has its answer already.
struct Refusal: Error {
    let response: Response
}

/// - Throws: `Refusal` (403) where this server takes no requests that change the workspace.
func requireWritable(_ workspace: Workspace) throws(Refusal) {
    guard !workspace.settings.server.isWritable else { return }
    let error = MartletError(
        .usage, "this server takes no requests that change its workspace",
        fix: "let it listen on 127.0.0.1, or set `server: {writes: true}` in martlet.yaml behind a door of your own")
    throw Refusal(response: problem(error, status: 403))
}

/// The format of the rows in a request's body.
/// - Throws: `Refusal` (415) for another one. That also keeps web pages out: a browser asks before it sends these.
func uploadFormat(of request: borrowing Request) throws(Refusal) -> UploadFormat {
    switch mediaType(of: request) {
    case "application/vnd.apache.parquet": return .parquet
    case "application/x-ndjson": return .jsonLines
    default: throw wrongMediaType("application/vnd.apache.parquet or application/x-ndjson")
    }
}

/// How a request brings events.
enum EventFormat {
    case events(EventDoor.Format)
    case file(UploadFormat)
}

/// - Throws: `Refusal` (415), as `uploadFormat`.
func eventFormat(of request: borrowing Request) throws(Refusal) -> EventFormat {
    switch mediaType(of: request) {
    case "application/x-ndjson": return .events(.jsonLines)
    case "application/json": return .events(.json)
    case "application/vnd.apache.parquet": return .file(.parquet)
    default: throw wrongMediaType("application/x-ndjson, application/json or application/vnd.apache.parquet")
    }
}

func requireJSON(_ request: borrowing Request) throws(Refusal) {
    guard mediaType(of: request) == "application/json" else { throw wrongMediaType("application/json") }
}

private func mediaType(of request: borrowing Request) -> String {
    let text = request.header("Content-Type") ?? ""
    // As it mostly comes, without going through its letters.
    if text == "application/x-ndjson" || text == "application/json" { return text }
    return text.prefix { $0 != ";" }.filter { $0 != " " }.lowercased()
}

private func wrongMediaType(_ wanted: String) -> Refusal {
    let error = MartletError(
        .usage, "the body of this request is not of a type that it takes", fix: "send Content-Type: \(wanted)")
    return Refusal(response: problem(error, status: 415))
}

/// A query parameter that is `true` or `false`; false where it is absent.
func flag(_ name: String, of request: borrowing Request) throws -> Bool {
    switch request.query(name) {
    case nil, "false": return false
    case "true": return true
    default: throw MartletError(.usage, "\(name) is true or false", fix: "send ?\(name)=true")
    }
}

/// The key under which a repeated request is recognized: up to 255 characters.
func idempotencyKey(of request: borrowing Request) throws -> String? {
    guard let key = request.header("Idempotency-Key") else { return nil }
    guard (1...255).contains(key.utf8.count) else {
        throw MartletError(.usage, "an idempotency key has 1 to 255 characters")
    }
    return key
}
