internal import Glibc
internal import MartletCore
internal import MartletDefinitions
internal import MartletHTTP
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
            second, and so is a renewed certificate; SIGHUP reads the certificate and opens the access log again. Ends
            cleanly on SIGTERM and SIGINT. docs/serving.md says more.
            """,
        options: [
            Option("port", "N", "the port (default: that of martlet.yaml, 6566; 0 means any free one)"),
            Option("tls-cert", "FILE", "speak TLS with this certificate (PEM, the server's own first)"),
            Option("tls-key", "FILE", "the certificate's private key (PEM, without a passphrase)"),
            Option("access-log", "FILE", "write a JSON line for each request; - means standard output"),
            Option(
                "drain-delay", "SECONDS",
                "after SIGTERM, serve on for so long while /ready says 503 (default: 0, at most 300)"),
        ],
        examples: [
            ("martlet serve --port 6566", "serve this repository's features"),
            (
                "martlet serve --tls-cert server.pem --tls-key server.key --access-log access.jsonl --drain-delay 5",
                "over TLS, with a log, behind a load balancer"
            ),
        ]
    ) { invocation in
        try invocation.noOperands()
        let workspace = try invocation.openWorkspace().workspace
        let port = try invocation.integer("port", in: 0...65_535).map { UInt16($0) }
        let door = try serverDoor(invocation)
        let scheme = door.tls == nil ? "http" : "https"
        try serveUntilSignalled(workspace, port: port, door: door, invocation.console) { server in
            let address = workspace.settings.server.address
            invocation.console.note(
                "serving \(workspace.settings.workspace) at \(scheme)://\(address):\(server.port)")
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

/// What the options of `serve` say about its door.
private func serverDoor(_ invocation: Invocation) throws -> ServerDoor {
    var door = ServerDoor()
    switch (invocation.string("tls-cert"), invocation.string("tls-key")) {
    case (let certificate?, let key?): door.tls = TLSFiles(certificate: certificate, key: key)
    case (nil, nil): break
    case (_?, nil):
        throw MartletError(.usage, "--tls-cert needs --tls-key", fix: "name the file of the certificate's private key")
    case (nil, _?): throw MartletError(.usage, "--tls-key needs --tls-cert", fix: "name the file of the certificate")
    }
    door.accessLog = invocation.string("access-log")
    door.drainDelaySeconds = try invocation.integer("drain-delay", in: 0...300) ?? 0
    return door
}

/// Serves until SIGTERM or SIGINT, taking up what is applied meanwhile, and certificates that are renewed.
func serveUntilSignalled(
    _ workspace: Workspace, port: UInt16?, door: ServerDoor = ServerDoor(), _ console: Console,
    whenReady: (FeatureServer) throws -> Void
) throws {
    // Blocked before any thread starts, so that all inherit it and this one alone takes the signals.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGTERM)
    sigaddset(&signals, SIGINT)
    // Where there is nothing to reload, the end of a terminal ends the server as ever.
    if door.tls != nil || door.accessLog != nil { sigaddset(&signals, SIGHUP) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    let connections = workspace.settings.limits.connections
    // Beside the connections, those that are refused, and the files of the stores.
    let wanted = connections + connections / 4 + 512
    let allowed = raiseDescriptorLimit(to: wanted)
    if allowed < wanted {
        console.note("this process may open \(allowed) files: too few for limits.connections (\(connections))")
    }
    var revision = try workspace.registry.current().revision
    let server = try FeatureServer(workspace, port: port, door: door)
    defer { server.stop() }
    try whenReady(server)
    var second = timespec(tv_sec: 1, tv_nsec: 0)
    while true {
        switch sigtimedwait(&signals, nil, &second) {
        case SIGTERM, SIGINT: return
        case SIGHUP:
            reload(console) {
                try server.reload(); return true
            }
        default: reload(console) { try server.reloadChangedCertificate() }
        }
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

/// A reload that fails changes nothing, and must not end the serving.
private func reload(_ console: Console, _ body: () throws -> Bool) {
    do {
        if try body() { console.note("reloaded the certificate and the access log") }
    } catch {
        console.failure(error)
    }
}
