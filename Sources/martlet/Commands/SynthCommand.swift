internal import MartletCore
internal import MartletPlatform
internal import MartletSynth

extension Command {
    static let synth = Command(
        "synth", "generate synthetic payments with labelled fraud", operands: "payments",
        discussion: """
            Customers, cards, merchants and terminals; popularity, seasons, travel, refunds, late and repeated rows, and fraud of five
            kinds. Equal settings give equal bytes, whatever the number of threads.
            """,
        options: [
            Option("rows", "N", "rows (default: 1,000,000)"),
            Option("out", "FILE|TABLE", ".parquet, .jsonl, .csv, or a table such as bronze.synthetic"),
            Option("realism", "v1|v2", "v1 is plain and fast, v2 is realistic (default: v2)"),
            Option("seed", "N", "default: 1"),
            Option("start", "TIME", "first event (default: 2026-01-01T00:00:00Z)"),
            Option("end", "TIME", "end of the period (default: 2026-04-01T00:00:00Z)"),
            Option("fraud-rate", "FRACTION", "default: 0.005"),
            Option("threads", "N", "default: one a processor"),
        ],
        examples: [
            ("martlet synth payments --rows 1_000_000 --out payments.parquet", "a million realistic payments"),
            ("martlet synth payments --rows 5_000_000 --realism v1 --seed 7 --out plain.jsonl", "plain ones, fast"),
        ]
    ) { invocation in
        guard try invocation.operands("payments") == ["payments"] else {
            throw MartletError(.usage, "only payments can be generated", fix: "martlet synth payments --out FILE")
        }
        var settings = PaymentSettings(rows: try invocation.integer("rows", in: 0...Int.max) ?? 1_000_000)
        if let text = invocation.string("realism") {
            guard let realism = PaymentSettings.Realism(rawValue: text) else {
                throw MartletError(.usage, "--realism is v1 or v2, not \(text)")
            }
            settings.realism = realism
        }
        if let seed = try invocation.integer("seed", in: 0...Int.max) { settings.seed = UInt64(seed) }
        if let start = try invocation.timestamp("start") { settings.start = start }
        if let end = try invocation.timestamp("end") { settings.end = end }
        if let rate = try invocation.number("fraud-rate") { settings.fraudRate = rate }
        if let threads = try invocation.integer("threads") { settings.threads = threads }
        let output = try invocation.required("out")
        let progress = invocation.console.progress
        let report =
            if isTableName(output) {
                try invocation.openWorkspace().workspace.synthesizePayments(
                    settings, toTable: output, progress: progress)
            } else {
                try synthesizePayments(settings, to: output, progress: progress)
            }
        let rate = Double(settings.rows) / report.seconds
        invocation.console.result(
            text: report.summary.text + "\n\(grouped(settings.rows)) rows in \(output), \(fixed(report.seconds, 2)) s, "
                + "\(grouped(Int(rate))) rows a second"
        ) { json in
            json.object {
                $0.member("output", output)
                $0.member("seconds", report.seconds)
                $0.member("rows_per_second", rate)
                $0.key("summary")
                report.summary.write(to: &$0)
            }
        }
        return 0
    }
}
