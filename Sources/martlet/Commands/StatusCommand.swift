internal import MartletCore
internal import MartletDefinitions
internal import MartletHTTP
internal import MartletPlatform

extension Command {
    static let status = Command(
        "status", "how far the events of the workspace have come on their way",
        discussion: """
            The log, landing, the views that follow the log, dead letters and connectors. Where a server takes the
            workspace's events in, it is asked; otherwise the workspace itself is looked at, without what a server
            counts in its life.
            """,
        options: [
            Option("url", "URL", "where the server answers (default: the address and port of martlet.yaml)")
        ],
        examples: [
            ("martlet status", "is anything behind?"),
            ("martlet status --json --url http://127.0.0.1:7000", "of a server on another port, for a program"),
        ]
    ) { invocation in
        try invocation.noOperands()
        let workspace = try invocation.openWorkspace().workspace
        let document = try statusDocument(of: workspace, url: invocation.string("url"))
        let found = try JSONValue(parsing: document)
        invocation.console.result(text: statusText(found)) { $0.raw(document) }
        return 0
    }
}

private func statusDocument(of workspace: Workspace, url: String?) throws -> [UInt8] {
    if url == nil {
        do {
            var json = JSONWriter()
            try workspace.status().write(to: &json)
            return json.bytes
        } catch let error as MartletError where error.code == .conflict {
            // A server has the log.
        }
    }
    let server = workspace.settings.server
    let host = server.address.contains(":") ? "[\(server.address)]" : server.address
    let base = url ?? "http://\(host):\(server.port)"
    let request = ClientRequest("GET", "\(base)/v1/status")
    let outcome = HTTPClient().send([request], timeoutMilliseconds: 10_000)[0]
    guard case .success(let answer) = outcome, answer.status == 200 else {
        throw MartletError(
            .storeUnavailable, "a process takes the workspace's events in, and \(base) does not say how it is doing",
            fix: "name the server: martlet status --url http://HOST:PORT")
    }
    let found = try JSONValue(parsing: answer.body)
    guard found["workspace"]?.string == "\(workspace.settings.workspace)" else {
        throw MartletError(
            .notFound, "\(base) serves another workspace", fix: "name the server: martlet status --url http://HOST:PORT"
        )
    }
    return answer.body
}

/// The document as a person reads it.
private func statusText(_ status: JSONValue) -> String {
    func number(_ value: JSONValue?) -> String { value?.integer.map { grouped($0) } ?? "-" }
    func seconds(_ value: JSONValue?) -> String { value?.number.map { "\(fixed($0, 1)) s" } ?? "-" }
    let (log, landing) = (status["log"], status["landing"])
    var lines = [
        "workspace  \(status["workspace"]?.string ?? "") "
            + (status["served"]?.bool == true ? "(a server runs)" : "(no server runs)"),
        "log        offsets \(number(log?["start_offset"])) to \(number(log?["end_offset"])), "
            + "\(number(log?["bytes"])) bytes, \(number(log?["stored"])) stored, "
            + "\(number(log?["duplicates"])) duplicates",
        "landing    offset \(number(landing?["offset"])), \(number(landing?["lag"])) events behind",
    ]
    if let failure = log?["failure"]?.string { lines.append("  FAILED   \(failure)") }
    if let failure = landing?["last_failure"]?.string { lines.append("  failed   \(failure)") }
    for (source, reason) in (landing?["stopped"]?.object ?? [:]).sorted(by: { $0.key < $1.key }) {
        lines.append("  stopped  \(source): \(reason.string ?? "")")
    }
    let freshness = status["freshness"]
    if let count = freshness?["events"]?.integer, count > 0 {
        func most(_ name: String) -> String { freshness?[name]?.integer.map { "at most \($0) ms" } ?? "over a minute" }
        lines.append(
            "freshness  \(grouped(count)) events, arrival to served: p50 \(most("p50_at_most_ms")), "
                + "p99 \(most("p99_at_most_ms"))")
    }
    let views = status["views"]?.array ?? []
    if !views.isEmpty {
        let header = ["view", "offset", "behind", "counted", "late", "replayed", "waiting", "stored"]
        lines.append(
            table(
                header,
                views.map { view in
                    [view["view"]?.string ?? ""]
                        + ["offset", "lag", "applied", "late", "replayed", "waiting"].map { number(view[$0]) }
                        + [seconds(view["checkpoint_age_seconds"]) + " ago"]
                }))
    }
    if let failure = status["streaming_failure"]?.string { lines.append("  failed   \(failure)") }
    let connectors = status["connectors"]?.array ?? []
    if !connectors.isEmpty {
        let rows = connectors.flatMap { connector -> [[String]] in
            let start =
                ["source", "kind", "state"].map { connector[$0]?.string ?? "" } + [number(connector["messages"])]
            let lags = connector["lags"]?.array ?? []
            if lags.isEmpty { return [start + ["-", "-", "-"]] }
            return lags.map {
                start + [
                    $0["stream"]?.string ?? "", number($0["messages"] ?? $0["bytes"]), seconds($0["seconds"]),
                ]
            }
        }
        lines.append(table(["source", "connector", "state", "messages", "partition", "behind", "for"], rows))
        for connector in connectors {
            if let error = connector["last_error"]?.string {
                lines.append("  failed   \(connector["source"]?.string ?? ""): \(error)")
            }
        }
    }
    let letters = status["dead_letters"]?.array ?? []
    if !letters.isEmpty {
        lines.append(
            table(
                ["dead letters of", "state", "count"],
                letters.map { [$0["source"]?.string ?? "", $0["state"]?.string ?? "", number($0["count"])] }))
        if let future = status["future_events"]?.integer, future > 0 {
            lines.append("  \(grouped(future)) of them happened too far ahead of the clock")
        }
    }
    return lines.joined(separator: "\n")
}
