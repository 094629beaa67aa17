internal import FoundationEssentials
internal import Glibc
package import MartletCore
internal import MartletDefinitions
package import MartletModels
internal import MartletQuality
internal import MartletQuery
internal import MartletRegistry
internal import MartletSynth
internal import MartletTables

/// The main job on synthetic payments, from nothing to served features that are proven equal to the trained ones: each
/// step is the use case that its own command runs.
package struct Demo: Sendable {
    /// The feature repository to copy, `examples/payments`.
    package var example: String
    /// The demo's own folder; made anew by each run.
    package var directory: String
    package var rows = 1_000_000
    package var seed: UInt64 = 1

    package init(example: String, directory: String) {
        self.example = example
        self.directory = directory
    }

    /// A finished step.
    package struct Step: Sendable {
        package let name: String
        /// What came of it, in words.
        package let result: String
        package let rows: Int
        package let seconds: Double
    }

    package struct Outcome: Sendable {
        package let workspace: Workspace
        package let steps: [Step]
        package let report: TrainingReport
        package let verification: VerificationReport
        /// A request for one customer, card and merchant of the newest payment.
        package let requestBody: String
    }

    /// - Parameter onStep: told of each step as it ends.
    /// - Throws: `valuesDiffer` where a served value differs from the offline one, and what the steps throw.
    package func run(
        principalName: String, time: any TimeSource = SystemTimeSource(), progress: any ProgressReporter,
        onStep: (Step) -> Void
    ) throws -> Outcome {
        try prepareFolder()
        let workspace = try Workspace(directory: directory, time: time)
        let principal = Principal(tenant: workspace.settings.tenant, name: principalName)
        var steps: [Step] = []
        func step(_ name: String, _ body: () throws -> (rows: Int, result: String)) throws {
            let started = time.monotonicNanoseconds()
            let (rows, result) = try body()
            let step = Step(
                name: name, result: result, rows: rows, seconds: Double(time.monotonicNanoseconds() - started) / 1e9)
            steps.append(step)
            onStep(step)
        }

        let payments = "\(directory)/payments.parquet"
        let labels = "\(directory)/labels.parquet"
        let training = "\(directory)/training.parquet"
        // The last 90 days, so that what is served is fresh.
        let end = time.now().floored(to: .minutes(1))
        try step("apply") {
            let result = try workspace.apply(workspace.plan(), principal: principal)
            return (result.set.members.count, "revision \(result.set.revision)")
        }
        try step("synth payments") {
            let settings = PaymentSettings(
                rows: rows, seed: seed, start: end - .days(90), end: end, threads: workspace.threads)
            let report = try synthesizePayments(settings, to: payments, time: time, progress: progress)
            return (rows, "\(report.summary.fraudRows) of them fraud")
        }
        try step("ingest") {
            let report = try workspace.ingest("payments", files: [payments], principal: principal, progress: progress)
            if let failure = report.refinement?.criticalFailure { throw failure }
            let silver = report.refinement?.silverRows ?? 0
            return (
                silver,
                "\(report.allDuplicates) duplicates dropped, \(report.refinement?.checks?.summary ?? "")"
            )
        }
        try step("labels") { (try writeLabels(workspace, to: labels), "a sample of the last 60 days") }
        try step("training set") {
            let record = try workspace.writeTrainingSet(
                TrainingSetRequest(service: "fraud_score", labels: labels), to: training, principal: principal,
                progress: progress)
            return (Int(record.rowCount), "hash \(record.hash.prefix(12))")
        }
        var trained: TrainedModel?
        try step("train") {
            var parameters = TreeParameters()
            parameters.rounds = 150
            let model = try workspace.train(
                "fraud_score", label: "is_fraud", alsoFeatures: ["amount", "channel", "merchant_category"],
                parameters: parameters, principal: principal, progress: progress)
            trained = model
            return (model.report.training.rows, "\(model.report.rounds) trees")
        }
        try step("materialize") {
            let reports = try workspace.materialize(upTo: nil, principal: principal, progress: progress)
            return (reports.reduce(0) { $0 + $1.written }, "\(reports.count) views")
        }
        var verification: VerificationReport?
        try step("verify") {
            let report = try workspace.verify(progress: progress)
            verification = report
            return (report.values, report.isEqual ? "every value equal, bit for bit" : "values differ")
        }
        guard let trained, let verification else { preconditionFailure("the steps ran") }
        return Outcome(
            workspace: workspace, steps: steps, report: trained.report, verification: verification,
            requestBody: try requestBody(workspace))
    }

    /// Copies the example into the demo's folder, in place of an earlier demo.
    private func prepareFolder() throws {
        let marker = "\(directory)/.martlet-demo"
        let files = FileManager.default
        if files.fileExists(atPath: directory) {
            guard files.fileExists(atPath: marker) else {
                throw MartletError(
                    .conflict, "\(directory) exists and is no demo's folder", fix: "name another with --directory")
            }
            try files.removeItem(atPath: directory)
        }
        guard files.fileExists(atPath: "\(example)/\(FeatureRepository.settingsFile)") else {
            throw MartletError(
                .notFound, "there is no example repository at \(example)",
                fix: "run the demo from the folder of Martlet, or name the example: --example DIR")
        }
        try makeFolder(directory)
        for name in ["martlet.yaml", "definitions", "sql"] {
            try files.copyItem(atPath: "\(example)/\(name)", toPath: "\(directory)/\(name)")
        }
        guard files.createFile(atPath: marker, contents: nil) else {
            throw MartletError(.fileSystem, "the demo's folder cannot be written", place: .init(file: directory))
        }
    }

    /// Three in ten payments of the last 60 days, chosen by their id: their keys, what is known when they are made,
    /// and the label.
    ///
    /// The label's time is the moment before the payment: a score is asked for while it waits, so its own event must
    /// not count.
    private func writeLabels(_ workspace: Workspace, to path: String) throws -> Int {
        let silver = try workspace.table(.silver("payments"))
        let connection = try workspace.engine.connect()
        let payments = "(\(try silver.scanSQL(silver.snapshot())))"
        let rows = try connection.query(
            """
            SELECT payment_id, customer_id, card_id, merchant_id, event_time - INTERVAL 1 MICROSECOND AS
            event_timestamp, amount,
            channel, merchant_category, is_fraud
            FROM \(payments)
            WHERE kind = 'payment' AND event_time >= (SELECT max(event_time) FROM \(payments)) - INTERVAL 60 DAY
            AND payment_id[-2:]::INTEGER % 10 < 3
            ORDER BY _position
            """)
        try workspace.writeFile(RowSource(rows), to: path)
        return rows.rowCount
    }

    private func requestBody(_ workspace: Workspace) throws -> String {
        let silver = try workspace.table(.silver("payments"))
        let newest = try workspace.engine.connect().query(
            """
            SELECT customer_id, card_id, merchant_id FROM (\(try silver.scanSQL(silver.snapshot())))
            WHERE kind = 'payment' ORDER BY event_time DESC LIMIT 1
            """)
        var json = JSONWriter()
        json.object { json in
            json.member("feature_service", "fraud_score")
            json.key("entities")
            json.object { json in
                for (name, column) in zip(newest.schema.names, newest.columns) where newest.rowCount > 0 {
                    json.key(name)
                    json.array { $0.value(column[0]) }
                }
            }
        }
        return json.text
    }
}
