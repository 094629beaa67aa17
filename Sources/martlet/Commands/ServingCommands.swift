internal import Glibc
internal import MartletCore
internal import MartletDefinitions
internal import MartletOnline
internal import MartletPlatform
internal import MartletRegistry
internal import MartletServer

extension Command {
    static let serve = Command(
        "serve", "answer requests over HTTP: online features, training sets, events, definitions",
        discussion: """
            Speaks Feast's /get-online-features and /health, /metrics for Prometheus, and below /v1 its own interface:
            training sets for sent labels, events in, plan and apply (docs/api/openapi.yaml; the Python package calls
            it). Requests that change the workspace are taken where this machine alone can reach the server, or with
            server.writes: true in martlet.yaml. Definitions that are applied while it runs are taken up within a
            second. Ends cleanly on SIGTERM and SIGINT.
            """,
        options: [Option("port", "N", "the port (default: that of martlet.yaml, 6566; 0 means any free one)")],
        examples: [("martlet serve --port 6566", "serve this repository's features")]
    ) { invocation in
        try invocation.noOperands()
        let workspace = try invocation.openWorkspace().workspace
        let port = try invocation.integer("port", in: 0...65_535).map { UInt16($0) }
        try serveUntilSignalled(workspace, port: port, invocation.console) { server in
            invocation.console.note(
                "serving \(workspace.settings.workspace) at http://\(workspace.settings.server.address):\(server.port)")
        }
        return 0
    }

    static let getOnline = Command(
        "get-online", "read features of entities from the online store", operands: "SERVICE | VIEW:FEATURE…",
        options: [
            Option("entity", "KEY=VALUE[,VALUE…]", "the entities, by join key; repeat the option for composite keys"),
            Option(
                "request", "NAME=VALUE[,VALUE…]", "values that derived features need, one for each entity"),
            Option("at", "TIME", "read as of this moment, not before the last load (default: now)"),
        ],
        examples: [
            (
                "martlet get-online fraud_score --entity customer_id=42 --entity card_id=7 --entity merchant_id=3",
                "a service"
            ),
            (
                "martlet get-online customer_spending:amount_sum_1d --entity customer_id=1,2,3",
                "one feature of three customers"
            ),
            (
                "martlet get-online payment_risk:amount_over_mean --entity customer_id=42 --request amount=99.5",
                "a derived feature"
            ),
        ]
    ) { invocation in
        guard !invocation.operands.isEmpty else { throw MartletError(.usage, "SERVICE or VIEW:FEATURE is missing") }
        let workspace = try invocation.openWorkspace().workspace
        let answer = try workspace.getOnline(
            invocation.operands, entities: parseValues(invocation.strings("entity"), option: "entity"),
            request: parseValues(invocation.strings("request"), option: "request"), at: invocation.timestamp("at"))
        let rowCount = answer.columns.first?.count ?? 0
        let rows = answer.names.indices.map { feature in
            [answer.names[feature]]
                + (0..<rowCount).map { row in
                    let status = answer.statuses[feature][row]
                    return status == .present
                        ? answer.columns[feature][row].description : "\(answer.columns[feature][row]) (\(status.name))"
                }
        }
        let header = ["feature"] + (0..<rowCount).map { "entity \($0 + 1)" }
        invocation.console.result(text: table(header, rows)) { json in
            json.array { json in
                for feature in answer.names.indices {
                    json.object { json in
                        json.member("feature", answer.names[feature])
                        json.key("values")
                        json.array { for row in 0..<rowCount { $0.value(answer.columns[feature][row]) } }
                        json.member("statuses", answer.statuses[feature].map(\.name))
                    }
                }
            }
        }
        return 0
    }
}

/// `["customer_id=1,2", "card_id=7,8"]` by key.
func parseValues(_ texts: [String], option: String) throws -> [String: [String]] {
    var entities: [String: [String]] = [:]
    for text in texts {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[0].isEmpty else {
            throw MartletError(.usage, "--\(option) takes NAME=VALUE, not \(text)")
        }
        entities[parts[0], default: []] += parts[1].split(separator: ",", omittingEmptySubsequences: false).map(
            String.init)
    }
    guard Set(entities.values.map(\.count)).count <= 1 else {
        throw MartletError(.usage, "every --\(option) needs the same number of values")
    }
    return entities
}

/// Serves until SIGTERM or SIGINT, taking up what is applied meanwhile.
func serveUntilSignalled(
    _ workspace: Workspace, port: UInt16?, _ console: Console, whenReady: (FeatureServer) throws -> Void
) throws {
    // Blocked before any thread starts, so that all inherit it and this one alone takes the signals.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGTERM)
    sigaddset(&signals, SIGINT)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    var revision = try workspace.registry.current().revision
    let server = try FeatureServer(workspace, port: port)
    defer { server.stop() }
    try whenReady(server)
    var second = timespec(tv_sec: 1, tv_nsec: 0)
    while true {
        if sigtimedwait(&signals, nil, &second) > 0 { return }
        // A registry that cannot be read for a moment must not end the serving of what is loaded.
        guard let now = try? workspace.registry.current().revision, now != revision else { continue }
        do {
            server.replaceCatalog(try workspace.servingCatalog())
            revision = now
            console.note("serving revision \(revision)")
        } catch {
            console.failure(error)
        }
    }
}
