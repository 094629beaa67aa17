internal import MartletCore
internal import MartletLog

extension Command {
    static let simulate = Command(
        "simulate", "run the event log and what hangs on it on a simulated disk with faults",
        discussion: """
            Appends, reads, commits, kills and power cuts in a random order on a disk in memory that tears, loses
            and reorders what was not synced and lets calls fail. After each death all promises are checked: what
            was acknowledged is there, once; appends are whole; offsets keep their events, and compaction takes out
            only what a newer event replaces; positions and committed offsets are what was acknowledged. A lander
            (on a model of Delta's tables) and a counting consumer with checkpoints follow the log: each event is
            landed and counted once, in order. The same seed gives the same run.
            """,
        options: [
            Option("seed", "N", "the first seed (default: 1)"),
            Option("seeds", "COUNT", "how many seeds, one after the other (default: 1)"),
            Option("steps", "N", "steps of each run (default: 300)"),
        ],
        examples: [
            ("martlet simulate --seed 42", "one run"),
            ("martlet simulate --seed 1 --seeds 200", "two hundred runs; ends with 1 and the seed at a broken promise"),
        ]
    ) { invocation in
        try invocation.noOperands()
        let first = UInt64(try invocation.integer("seed", in: 0...Int.max) ?? 1)
        let count = try invocation.integer("seeds", in: 1...1_000_000) ?? 1
        var settings = Simulation.Settings()
        if let steps = try invocation.integer("steps", in: 1...1_000_000) { settings.steps = steps }
        var reports: [SimulationReport] = []
        for index in 0..<count {
            let report = Simulation.run(
                seed: first &+ UInt64(index), settings: settings,
                participants: [SimulatedLander(), SimulatedCounter()])
            reports.append(report)
            invocation.console.progress.report("simulate", done: index + 1, total: count)
            if report.broken != nil { break }
        }
        invocation.console.result(text: reports.map(\.text).joined(separator: "\n")) { json in
            json.object { json in
                json.key("runs")
                json.array { json in
                    for report in reports { report.write(to: &json) }
                }
            }
        }
        return reports.last?.broken == nil ? 0 : 1
    }
}

extension SimulationReport {
    private var hash: String {
        let digits = String(traceHash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    fileprivate var text: String {
        let line =
            "seed \(seed): \(steps) steps, \(diskCalls) disk calls, \(faults) faults, \(kills) kills, "
            + "\(powerCuts) power cuts, \(acknowledged) appends acknowledged, \(events) events, "
            + "\(assertions) assertions in \(checks) checks, trace \(hash)"
        return broken.map { "\(line)\nseed \(seed): \($0)" } ?? line
    }

    fileprivate func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("seed", Int64(truncatingIfNeeded: seed))
            json.member("steps", steps)
            json.member("disk_calls", diskCalls)
            json.member("faults", faults)
            json.member("kills", kills)
            json.member("power_cuts", powerCuts)
            json.member("acknowledged", acknowledged)
            json.member("events", events)
            json.member("checks", checks)
            json.member("assertions", assertions)
            json.member("trace_hash", hash)
            if let broken { json.member("broken", broken) }
        }
    }
}
