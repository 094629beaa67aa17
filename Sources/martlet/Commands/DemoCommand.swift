internal import MartletCore
internal import MartletModels
internal import MartletPlatform
internal import MartletServer

extension Command {
    static let demo = Command(
        "demo", "do the whole job on synthetic payments, then serve",
        discussion: """
            Generates payments, lands and checks them, builds a training set, trains a fraud model, loads the online store, proves that
            what is served equals what was trained on, and serves. Everything stays in the demo's own folder.
            """,
        options: [
            Option("rows", "N", "payments (default: 1,000,000)"),
            Option("seed", "N", "default: 1"),
            Option("directory", "DIR", "the demo's folder, made anew (default: .martlet/demo)"),
            Option("example", "DIR", "the feature repository (default: examples/payments)"),
            Option("port", "N", "where to serve (default: 6566)"),
            Option("no-serve", nil, "stop after the proof"),
        ],
        examples: [
            ("martlet demo", "the main job, end to end"),
            ("martlet demo --rows 100_000 --no-serve", "smaller, and without the server"),
        ]
    ) { invocation in
        try invocation.noOperands()
        let console = invocation.console
        var demo = Demo(
            example: invocation.string("example") ?? "examples/payments",
            directory: invocation.string("directory") ?? ".martlet/demo")
        if let rows = try invocation.integer("rows") { demo.rows = rows }
        if let seed = try invocation.integer("seed", in: 0...Int.max) { demo.seed = UInt64(seed) }
        let port = try invocation.integer("port", in: 0...65_535).map { UInt16($0) }
        let outcome = try demo.run(principalName: "demo", progress: console.progress) { step in
            let name = step.name + String(repeating: " ", count: max(0, 15 - step.name.count))
            let rows = grouped(step.rows)
            console.note(
                "\(name)\(String(repeating: " ", count: max(0, 10 - rows.count)))\(rows) rows  "
                    + "\(step.seconds < 10 ? " " : "")\(fixed(step.seconds, 2)) s  \(step.result)")
        }
        let seconds = outcome.steps.reduce(0) { $0 + $1.seconds }
        let metrics = outcome.report.testMetrics
        console.result(
            text: """

                AUC-PR          \(fixed(metrics.areaUnderPrecisionRecall, 3)) on the last \(grouped(outcome.report.test.rows)) labels \
                (base rate \(fixed(metrics.baseRate, 4)), AUC-ROC \(fixed(metrics.areaUnderROC, 3)))
                verified        \(grouped(outcome.verification.values)) values, \(outcome.verification.isEqual ? "all equal" : "DIFFERENT")
                total           \(fixed(seconds, 1)) s
                """
        ) { json in
            json.object { json in
                json.key("steps")
                json.array { json in
                    for step in outcome.steps {
                        json.object {
                            $0.member("name", step.name)
                            $0.member("rows", step.rows)
                            $0.member("seconds", step.seconds)
                        }
                    }
                }
                json.member("auc_pr", metrics.areaUnderPrecisionRecall)
                json.member("base_rate", metrics.baseRate)
                json.member("verified_values", outcome.verification.values)
                json.member("equal", outcome.verification.isEqual)
                json.member("seconds", seconds)
            }
        }
        guard outcome.verification.isEqual else { return MartletError.Code.valuesDiffer.exitStatus }
        if invocation.isSet("no-serve") { return 0 }
        try serveUntilSignalled(outcome.workspace, port: port, console) { server in
            console.note(
                """

                serving; try it:

                curl -s http://127.0.0.1:\(server.port)/get-online-features -d '\(outcome.requestBody)'

                Stop with Ctrl-C.
                """)
        }
        return 0
    }
}
