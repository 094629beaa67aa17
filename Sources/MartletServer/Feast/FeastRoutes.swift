internal import MartletCore
internal import MartletDefinitions
internal import MartletHTTP
internal import MartletPlatform

/// Adds what Feast's clients ask of a feature server beyond reading by key, in Feast's shapes.
func addFeastRoutes(
    _ workspace: Workspace, _ live: LiveEvents, _ longWork: LongWork, to router: inout Router
) {
    let loads = RunningLoads()
    router.on(.post, "/materialize", priority: .longWork) { request, _ in
        try feastReply { try materialize(request, isIncremental: false, workspace, longWork, loads) }
    }
    router.on(.post, "/materialize-incremental", priority: .longWork) { request, _ in
        try feastReply { try materialize(request, isIncremental: true, workspace, longWork, loads) }
    }
    let intake = RowIntake(workspace: workspace, live: live, longWork: longWork)
    let limit = workspace.settings.limits.transferBytes
    router.on(.post, "/push", bodyLimitBytes: limit, priority: .work) { request, _ in
        try feastReply { try push(request, workspace, intake) }
    }
    router.on(.post, "/write-to-online-store", bodyLimitBytes: limit, priority: .work) { request, _ in
        try feastReply { try writeToOnlineStore(request, workspace, intake) }
    }
}

/// An error as Feast's clients expect it; the answer of `body` otherwise.
func feastReply(_ body: () throws -> Reply) throws -> Reply {
    do {
        return try body()
    } catch let error as FeastError {
        return .response(error.response)
    } catch let refusal as Refusal {
        return .response(FeastError(refusal).response)
    } catch {
        return .response(FeastError(error).response)
    }
}

/// Work that may block, on a thread that may; what it throws has Feast's shape.
func feastLater(_ work: @escaping @Sendable () async throws -> Response) -> Reply {
    .later {
        do {
            return try await work()
        } catch let error as FeastError {
            return error.response
        } catch {
            return FeastError(error).response
        }
    }
}

extension FeastError {
    var response: Response { Response(status: status, body: body) }

    /// A refusal of the server's own: 403 is a permission that is denied, as Feast's clients know it.
    init(_ refusal: Refusal) {
        let detail = (try? JSONValue(parsing: refusal.response.body))?["detail"]?.string ?? "refused"
        let name = refusal.response.status == 403 ? "FeastPermissionError" : "FeastError"
        self.init(status: refusal.response.status, class: name, detail)
    }
}
