internal import Glibc
internal import MartletCore
internal import MartletHTTP
internal import MartletPlatform
internal import MartletServer

extension Command {
    static let bench = Command(
        "bench", "load a service and print throughput, latencies and the bottleneck", operands: "serve SERVICE",
        discussion: """
            Serves the workspace on a free port of this machine, or takes the server at --port, and asks it for a
            service over as many connections as named, each on a thread of its own. Without --rate each connection
            sends its next request when the last is answered; with it, requests leave at their moments, and latencies
            count from there.
            """,
        options: [
            Option("entity", "KEY=FIRST..LAST", "a join key and the range of its values; repeat it for more keys"),
            Option("batch", "N", "entities in one request (default: 1)"),
            Option("zipf", "S", "ask for the first values most, by Zipf's law with this exponent (default: all alike)"),
            Option("rate", "N", "requests a second over all connections (default: as fast as answers come)"),
            Option("connections", "N", "connections, at most 1000 (default: 32)"),
            Option("seconds", "N", "how long, at most 600 (default: 10)"),
            Option("port", "N", "a server of this machine that runs already, over any backend"),
            Option("seed", "N", "of the entities (default: 1)"),
        ],
        examples: [
            ("martlet bench serve fraud_score --entity customer_id=0..99999", "as fast as it goes, one key a request"),
            (
                "martlet bench serve fraud_score --entity customer_id=0..99999 --zipf 1.1 --batch 100 --rate 2000",
                "hot keys, a hundred a request, at a steady rate"
            ),
        ]
    ) { invocation in
        let words = try invocation.operands("serve", "SERVICE")
        guard words[0] == "serve" else {
            throw MartletError(
                .usage, "martlet bench measures serve, not \(words[0])", fix: "martlet bench serve SERVICE")
        }
        let keys = try invocation.strings("entity").map { try ServingLoad.Key($0) }
        guard !keys.isEmpty else { throw MartletError(.usage, "--entity KEY=FIRST..LAST is missing") }
        let exponent = try invocation.number("zipf")
        if let exponent, !(exponent > 0 && exponent <= 10) {
            throw MartletError(.usage, "--zipf takes an exponent above 0 and up to 10")
        }
        let load = ServingLoad(
            service: words[1], keys: keys, batch: try invocation.integer("batch", in: 1...100_000) ?? 1,
            zipfExponent: exponent, seed: UInt64(try invocation.integer("seed", in: 0...Int.max) ?? 1))
        let requests = load.requests(max(16, min(1_000, 200_000 / load.batch)))
        let workspace = try invocation.openWorkspace().workspace
        let given = try invocation.integer("port", in: 1...65_535).map { UInt16($0) }
        let server = given == nil ? try FeatureServer(workspace, port: 0) : nil
        defer { server?.stop() }
        let run = HTTPLoad(
            port: given ?? server?.port ?? 0, requests: requests,
            connections: try invocation.integer("connections", in: 1...1_000) ?? 32,
            seconds: try invocation.integer("seconds", in: 1...600) ?? 10,
            requestsPerSecond: try invocation.integer("rate", in: 1...10_000_000))
        let before = processSeconds()
        let report = try run.run()
        let used = ServingUse(
            report, processSeconds: processSeconds() - before, hasServer: server != nil, rate: run.requestsPerSecond)
        show(report, used, load, invocation.console)
        return report.failures == 0 ? 0 : 1
    }
}

/// Where the time of a load went.
private struct ServingUse {
    /// Processors kept busy.
    let client: Double
    /// nil where the server is another process.
    let server: Double?
    let bottleneck: String

    init(_ report: HTTPLoad.Report, processSeconds: Double, hasServer: Bool, rate: Int?) {
        let client = report.clientSeconds / report.seconds
        let server = hasServer ? max(0, processSeconds - report.clientSeconds) / report.seconds : nil
        self.client = client
        self.server = server
        let processors = Double(processorCount)
        if let rate, report.requestsPerSecond >= 0.98 * Double(rate) {
            bottleneck = "none: the rate was kept"
        } else if let server, client + server >= 0.85 * processors {
            bottleneck = server >= client ? "processor time of the server" : "processor time of this load"
        } else if client >= 0.85 * processors {
            bottleneck = "processor time of this load"
        } else if server == nil {
            bottleneck = "the server, or what else runs on this machine"
        } else {
            bottleneck = "waiting: for the store, the connections, or what else runs on this machine"
        }
    }
}

private func show(_ report: HTTPLoad.Report, _ used: ServingUse, _ load: ServingLoad, _ console: Console) {
    func milliseconds(_ share: Double) -> Double { Double(report.latencies.nanoseconds(atShare: share)) / 1e6 }
    let shares = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)]
    let failed = report.failures > 0 ? ", \(report.failures) failed" : ""
    var rows: [[String]] = []
    rows.append(["requests", grouped(report.latencies.count) + failed])
    rows.append(["throughput", "\(fixed(report.requestsPerSecond, 0)) requests/s, \(load.batch) entities each"])
    for (name, share) in shares { rows.append([name, "\(fixed(milliseconds(share), 3)) ms"]) }
    rows.append(["slowest", "\(fixed(Double(report.latencies.maximumNanoseconds) / 1e6, 3)) ms"])
    let server = used.server.map { ", \(fixed($0, 2)) server" } ?? ""
    rows.append(["processors", "\(fixed(used.client, 2)) load\(server)"])
    rows.append(["bottleneck", used.bottleneck])
    console.result(text: table(["service", load.service], rows)) { json in
        json.object { json in
            json.member("service", load.service)
            json.member("requests", Int(report.latencies.count))
            json.member("failures", report.failures)
            json.member("seconds", report.seconds)
            json.member("requests_per_second", report.requestsPerSecond)
            for (name, share) in shares {
                json.member(name.replacing(".", with: "_") + "_milliseconds", milliseconds(share))
            }
            json.member("client_processors", used.client)
            if let server = used.server { json.member("server_processors", server) }
            json.member("bottleneck", used.bottleneck)
        }
    }
}

private func processSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
