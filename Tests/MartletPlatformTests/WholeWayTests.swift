import MartletCore
import MartletModels
import MartletPlatform
import MartletQuery
import MartletRegistry
import MartletSynth
import MartletTestSupport
import Testing

@Suite("The whole way")
struct WholeWayTests {
    /// The demo's repository with 20,000 payments, loaded up to the end of the data.
    private func loaded(fraudRate: Double = 0.005) throws -> TestRepository {
        let test = try TestRepository(example: "payments")
        var settings = PaymentSettings(rows: 20_000)
        settings.end = TestRepository.now
        settings.fraudRate = fraudRate
        _ = try synthesizePayments(settings, to: test.path("payments.parquet"))
        let report = try test.workspace.ingest(
            "payments", files: [test.path("payments.parquet")], principal: test.principal)
        #expect(report.misfits == 0)
        _ = try test.workspace.materialize(principal: test.principal)
        return test
    }

    @Test("serves exactly what the offline kernels compute, for every view, entity and moment sampled")
    func equality() throws {
        let test = try loaded()
        let report = try test.workspace.verify(entities: 200, times: 6, seed: 7)
        #expect(report.isEqual, "seed 7: \(report.mismatches)")
        #expect(report.views.map(\.name) == ["card_activity", "card_last", "customer_spending", "merchant_profile"])
        #expect(report.values > 50_000)
    }

    @Test("finds a served value that was loaded from other events, and says which")
    func inequality() throws {
        let test = try loaded()
        let connection = try test.workspace.engine.connect()
        // Newer events reach the store under a load that the registry does not know of: it is wound back.
        try connection.execute(
            """
            COPY (SELECT 'x' || range AS payment_id, range AS customer_id, range AS card_id, range AS merchant_id, 1
            AS terminal_id,
            99.0 AS amount, 'EUR' AS currency, NULL::VARCHAR AS merchant_category, 'DE' AS country, NULL::VARCHAR AS
            city,
            NULL::DOUBLE AS latitude, NULL::DOUBLE AS longitude, 'chip' AS channel, NULL::BIGINT AS device_id,
            'approved' AS status, 'payment' AS kind, NULL::VARCHAR AS refund_of,
            TIMESTAMPTZ '2026-03-31 23:00:00Z' AS event_time, TIMESTAMPTZ '2026-03-31 23:00:01Z' AS arrival_time,
            false AS is_fraud, 'none' AS fraud_kind FROM range(1, 400))
            TO '\(test.path("more.parquet"))' (FORMAT parquet)
            """)
        let before = try test.workspace.registry.materializations()
        _ = try test.workspace.ingest("payments", files: [test.path("more.parquet")], principal: test.principal)
        _ = try test.workspace.materialize(["customer_spending"], principal: test.principal)
        // A record that claims the older tables for the newer load.
        var claim = before.first { $0.view == "customer_spending" }
        claim?.id = 0
        if let claim { try test.workspace.registry.record(claim) }
        let report = try test.workspace.verify(["customer_spending"], entities: 300, times: 2)
        #expect(!report.isEqual)
        #expect(report.mismatches.first?.feature.hasPrefix("customer_spending:") == true)
        #expect(report.mismatches.first.map { $0.online != $0.offline } == true)
    }

    @Test("trains a model that is better than chance, and records it")
    func training() throws {
        let test = try loaded(fraudRate: 0.05)
        let connection = try test.workspace.engine.connect()
        try connection.execute(
            """
            COPY (SELECT customer_id, card_id, merchant_id, event_time - INTERVAL 1 MICROSECOND AS event_timestamp,
                amount, is_fraud FROM read_parquet('\(test.path("payments.parquet"))') WHERE kind = 'payment')
            TO '\(test.path("labels.parquet"))' (FORMAT parquet)
            """)
        let set = try test.workspace.writeTrainingSet(
            TrainingSetRequest(service: "fraud_score", labels: test.path("labels.parquet")),
            to: test.path("training.parquet"), principal: test.principal)
        let model = try test.workspace.train(
            "fraud_score", label: "is_fraud", alsoFeatures: ["amount"], principal: test.principal)
        let metrics = model.report.testMetrics
        #expect(metrics.areaUnderPrecisionRecall > 3 * metrics.baseRate)
        #expect(model.record.trainingSet == set.id)
        #expect(model.record.definitionVersions["service fraud_score"] == 1)
        #expect(try test.workspace.registry.modelRun(model.record.id).modelHash == model.record.modelHash)
        #expect(fileBytes(model.record.modelPath).count > 1_000)
        // A training set that was changed behind the registry's back is not trained on.
        test.folder.write("other", to: "training.parquet")
        let error = #expect(throws: MartletError.self) {
            try test.workspace.train("fraud_score", label: "is_fraud", principal: test.principal)
        }
        #expect(error?.code == .conflict)
    }

    @Test("explains a value by the events that make it")
    func explanation() throws {
        let test = try loaded()
        let feature = "customer_spending:amount_sum_30d"
        let time = TestRepository.now - .days(3)
        let explanation = try test.workspace.explain(feature, entity: ["customer_id": "5"], at: time)
        let sum = explanation.events.reduce(0.0) { $0 + ($1.value.number ?? 0) }
        #expect(explanation.events.count > 3)
        #expect(abs(sum - (explanation.value.number ?? -1)) < 1e-9)
        #expect(explanation.events.allSatisfy { $0.eventTime < time })
        #expect(explanation.tableVersions == ["silver.payments": 0])
        let latest = try test.workspace.explain("card_last:last_amount", entity: ["card_id": "5"], at: time)
        #expect(latest.value == latest.events.first?.value)
        #expect(latest.rule == "the greatest event time within 30d before \(time)")
        let stranger = try test.workspace.explain(feature, entity: ["customer_id": "-1"], at: time)
        #expect(stranger.value == .float64(0))
        #expect(stranger.events.isEmpty)
    }

    @Test("gives tables that deltalake and DuckDB read alike, value by value")
    func peers() throws {
        let test = try loaded()
        var jobs: [JSONValue] = []
        let tables = try test.workspace.tableSummaries()
        for table in tables {
            for reader in ["deltalake", "duckdb"] {
                jobs.append(
                    .object(["do": .string("read"), "with": .string(reader), "path": .string(table.location)]))
            }
        }
        let answers = try DeltaPeer.ask(jobs)
        let connection = try test.workspace.engine.connect()
        for (index, table) in tables.enumerated() {
            let ours = PeerRows(try connection.query("SELECT * FROM \(test.workspace.scan(of: table.name))"))
            #expect(ours.rows.count == Int(table.rowCount ?? -1))
            #expect(PeerRows(answers[2 * index]) == ours, "deltalake, \(table.name)")
            #expect(PeerRows(answers[2 * index + 1]) == ours, "duckdb, \(table.name)")
        }
        #expect(tables.map(\.name).contains("gold.card_activity"))
    }

    @Test("reads the bank's data and builds the training set of its loans")
    func bank() throws {
        guard let data = environmentVariable("BANK_DATA") else {
            print("the bank's data is not there (set BANK_DATA to its folder): the test of examples/bank did NOT run")
            return
        }
        let test = try TestRepository(example: "bank")
        for (source, file) in [
            ("bookings", "trans"), ("accounts", "account"), ("districts", "district"), ("loans", "loan"),
        ] {
            let report = try test.workspace.ingest(source, files: ["\(data)/\(file).asc"], principal: test.principal)
            #expect(report.misfits == 0)
            #expect(report.refinement?.quarantined == 0)
        }
        let set = try test.workspace.trainingSet(
            TrainingSetRequest(
                service: "loan_default", labels: "silver.loans", timeColumn: "granted", keepsOnlyKnownEntities: true))
        #expect(set.rows.rowCount == 160)
        #expect(set.featureNames.count >= 15)
        // By an independent query over the raw file.
        let expected = try test.workspace.engine.connect().query(
            """
            WITH bookings AS (SELECT *, strptime(date::VARCHAR, '%y%m%d') AS booked FROM
            read_csv('\(data)/trans.asc', delim = ';')),
            loans AS (SELECT *, strptime(date::VARCHAR, '%y%m%d') AS granted FROM read_csv('\(data)/loan.asc', delim
            = ';'))
            SELECT l.loan_id, count(*) AS n, round(sum(CASE WHEN b.type = 'PRIJEM' THEN b.amount ELSE 0 END), 2) AS
            inflow
            FROM loans l JOIN bookings b ON b.account_id = l.account_id AND b.booked < l.granted
            AND b.booked >= l.granted - INTERVAL 90 DAY GROUP BY l.loan_id ORDER BY l.loan_id
            """)
        var byLoan: [Value: (Value, Double)] = [:]
        for row in 0..<set.rows.rowCount {
            guard let loan = set.rows["loan_id"]?[row], let count = set.rows["bookings_90d"]?[row],
                let inflow = set.rows["in_sum_90d"]?[row].number
            else { continue }
            byLoan[loan] = (count, inflow)
        }
        #expect(expected.rowCount > 50)
        for row in 0..<expected.rowCount {
            let found = byLoan[expected.columns[0][row]]
            #expect(found?.0 == expected.columns[1][row])
            #expect(abs((found?.1 ?? -1) - (expected.columns[2][row].number ?? 0)) < 0.01)
        }
    }
}
