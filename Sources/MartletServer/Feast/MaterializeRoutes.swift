internal import Glibc
internal import MartletCore
internal import MartletDefinitions
internal import MartletHTTP
internal import MartletPlatform

/// `POST /materialize` and `/materialize-incremental`: loads views up to `end_ts`.
///
/// Both do the same: a load counts everything known by its end and computes only the entities that changed since the
/// last one, so a `start_ts` has nothing to leave out. An end in the future is now: later loads are not held up by it.
func materialize(
    _ request: borrowing Request, isIncremental: Bool, _ workspace: Workspace, _ longWork: LongWork,
    _ loads: RunningLoads
) throws -> Reply {
    try requireWritable(workspace)
    try requireJSON(request)
    let asked = try MaterializeRequest(request.body, isIncremental: isIncremental)
    let isAsynchronous = try feastFlag("async", of: request)
    let isForced = try feastFlag("force", of: request)
    return feastLater {
        let views = try viewsToLoad(asked, workspace)
        let busy = loads.begin(views, isForced: isForced)
        guard busy.isEmpty else { return alreadyLoading(busy) }
        let load: @Sendable (Cancellation) throws -> Void = { cancellation in
            defer { loads.end(views) }
            let now = workspace.time.now()
            _ = try workspace.materialize(
                views, upTo: asked.end.map { min($0, now) }, principal: requestPrincipal(workspace),
                cancellation: cancellation)
        }
        if isAsynchronous {
            longWork.start(load, onFailure: reportFailedLoad)
            return accepted(views)
        }
        try longWork.run(load)
        return Response(body: Array("null".utf8))
    }
}

/// - Throws: 404 for a view that is not applied, 422 for one that is not stored online.
private func viewsToLoad(_ asked: MaterializeRequest, _ workspace: Workspace) throws -> [String] {
    let definitions = try workspace.appliedDefinitions()
    let known = definitions.views
    guard let names = asked.views else { return known.filter { $0.isOnline && !$0.isDerived }.map(\.about.name) }
    for name in names {
        guard let view = known.first(where: { $0.about.name == name }) else {
            let near = nearestName(to: name, among: known.map(\.about.name))
            throw FeastError(
                status: 404, class: "FeatureViewNotFoundException",
                "Feature view \(name) does not exist" + (near.map { "; did you mean \($0)?" } ?? ""))
        }
        let version = definitions.version(of: DefinitionKey(.features, name)) ?? 0
        if let wanted = asked.version, wanted != Int(version) {
            throw FeastError(
                status: 404, class: "FeatureViewVersionNotFound",
                "Version v\(wanted) of feature view \(name) is not the applied one, v\(version)")
        }
        guard view.isOnline, !view.isDerived else {
            throw FeastError(
                status: 422, class: "FeastError",
                "Feature view \(name) is \(view.isDerived ? "computed when it is read" : "not online")")
        }
    }
    return names
}

private func feastFlag(_ name: String, of request: borrowing Request) throws -> Bool {
    switch request.query(name)?.lowercased() {
    case nil, "", "false", "0", "no", "off": return false
    case "true", "1", "yes", "on": return true
    default: throw FeastError(type: "bool_parsing", at: [.name(name)], "Input should be a valid boolean")
    }
}

private func accepted(_ views: [String]) -> Response {
    var json = JSONWriter()
    json.object {
        $0.member("status", "accepted")
        $0.member("feature_views", views)
    }
    return Response(status: 202, body: json.bytes)
}

private func alreadyLoading(_ views: [String]) -> Response {
    var json = JSONWriter()
    json.object {
        $0.member(
            "error",
            "already being materialized: \(views.joined(separator: ", ")). Use ?force=true to load beside it.")
        $0.member("feature_views", views)
    }
    return Response(status: 409, body: json.bytes)
}

/// Nobody waits for the answer of such a load: its failure goes to the process's log.
private func reportFailedLoad(_ error: any Error) {
    let known = error as? MartletError
    var json = JSONWriter()
    json.object {
        $0.member("level", "error")
        $0.member("event", "materialize-failed")
        $0.member("code", known?.code.name ?? "internal")
        $0.member("message", known?.message ?? "the load could not be completed")
    }
    let line = json.bytes + [UInt8(ascii: "\n")]
    line.withUnsafeBytes { _ = Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
