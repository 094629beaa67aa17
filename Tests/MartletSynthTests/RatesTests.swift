import MartletCore
import MartletSynth
import Testing

struct RatesTests {
    @Test("the rates that were asked for are achieved", arguments: PaymentSettings.Realism.allCases)
    func rates(_ realism: PaymentSettings.Realism) throws {
        let file = try PaymentFile.sample(realism)
        let settings = file.generator.settings
        func isNear(_ value: Double, _ wanted: Double, _ tolerance: Double) -> Bool {
            abs(value - wanted) <= wanted * tolerance
        }
        #expect(file.payments.count == settings.rows)
        #expect(isNear(Double(file.payments.count { $0.isFraud }) / Double(settings.rows), settings.fraudRate, 0.01))
        let late = file.payments.count { $0.arrival - $0.event > 60_000_000 }
        #expect(isNear(Double(late) / Double(settings.rows), settings.lateFraction + settings.duplicateFraction, 0.15))
        let duplicates = settings.rows - Set(file.payments.map(\.id)).count
        #expect(isNear(Double(duplicates) / Double(settings.rows), settings.duplicateFraction, 0.2))
        let refunds = file.payments.count { $0.kind == "refund" }
        #expect(isNear(Double(refunds) / Double(settings.rows), settings.refundFraction, 0.15))
        let declined = file.payments.count { $0.status == "declined" }
        #expect(isNear(Double(declined) / Double(settings.rows), settings.declineFraction, 0.25))
    }

    @Test("another base rate is met too", arguments: [0.0, 0.001, 0.02, 0.1])
    func baseRates(rate: Double) throws {
        let file = try PaymentFile(PaymentSettings(rows: 4_000, seed: 5, fraudRate: rate))
        #expect(file.payments.count { $0.isFraud } == Int(4_000 * rate))
    }

    @Test("a row is fraud exactly when it names a kind", arguments: PaymentSettings.Realism.allCases)
    func labels(_ realism: PaymentSettings.Realism) throws {
        let file = try PaymentFile.sample(realism)
        let names = Set(FraudKind.allCases.map(\.name))
        #expect(file.payments.allSatisfy { $0.isFraud == ($0.fraudKind != "none") && names.contains($0.fraudKind) })
        #expect(Set(file.payments.map(\.fraudKind)) == names)
    }

    @Test(
        "event and arrival times lie in the period, and rows arrive in the order of the file",
        arguments: PaymentSettings.Realism.allCases)
    func times(_ realism: PaymentSettings.Realism) throws {
        let file = try PaymentFile.sample(realism)
        let (start, end) = (file.generator.settings.start.microseconds, file.generator.settings.end.microseconds)
        #expect(file.payments.allSatisfy { start <= $0.event && $0.event <= $0.arrival && $0.arrival < end })
        #expect(zip(file.payments, file.payments.dropFirst()).allSatisfy { $0.arrival <= $1.arrival })
        // Late ones arrive minutes to days after their event, the others within seconds.
        let delays = file.payments.map { $0.arrival - $0.event }
        #expect(delays.max().map { $0 > 86_400_000_000 && $0 <= 259_200_000_000 + 7_200_000_000 } == true)
        #expect(delays.count { $0 < 5_000_000 } > file.payments.count * 9 / 10)
    }

    @Test("a duplicate is the same payment again, arriving later", arguments: PaymentSettings.Realism.allCases)
    func duplicates(_ realism: PaymentSettings.Realism) throws {
        let file = try PaymentFile.sample(realism)
        var first: [String: Payment] = [:]
        var duplicates = 0
        for payment in file.payments {
            guard let original = first[payment.id] else {
                first[payment.id] = payment
                continue
            }
            duplicates += 1
            #expect(payment.arrival > original.arrival)
            #expect(
                (payment.event, payment.card, payment.merchant, payment.amount, payment.status, payment.isFraud)
                    == (
                        original.event, original.card, original.merchant, original.amount, original.status,
                        original.isFraud
                    ))
            #expect(payment.device == original.device && payment.terminal == original.terminal)
        }
        #expect(duplicates * 400 > file.payments.count)
        // The id is the number of the first row.
        #expect(first.values.allSatisfy { Int($0.id.dropFirst()) == $0.row + 1 })
        #expect(file.summary.duplicateRows == duplicates)
    }

    @Test(
        "a refund pays back an earlier approved payment of the same card", arguments: PaymentSettings.Realism.allCases)
    func refunds(_ realism: PaymentSettings.Realism) throws {
        let file = try PaymentFile.sample(realism)
        var first: [String: Payment] = [:]
        var partial = 0
        #expect(file.payments.allSatisfy { $0.kind == "refund" || ($0.refundOf == nil && $0.status != "refunded") })
        for payment in file.payments {
            if payment.kind == "refund" {
                guard let paid = first[payment.refundOf ?? ""] else {
                    Issue.record("\(payment.id) pays back \(payment.refundOf ?? "nothing"), which is not there yet")
                    continue
                }
                #expect(paid.kind == "payment" && paid.status == "approved" && payment.status == "refunded")
                #expect(paid.event < payment.event && payment.amount <= paid.amount)
                #expect((paid.card, paid.customer, paid.merchant) == (payment.card, payment.customer, payment.merchant))
                if payment.amount < paid.amount { partial += 1 }
            }
            if first[payment.id] == nil { first[payment.id] = payment }
        }
        #expect(partial > 50)
    }
}

struct PaymentSummaryTests {
    @Test("the summary counts what is in the rows", arguments: PaymentSettings.Realism.allCases)
    func counts(_ realism: PaymentSettings.Realism) throws {
        let file = try PaymentFile.sample(realism)
        let summary = file.summary
        #expect(summary.rows == file.payments.count)
        #expect(summary.fraudRows == file.payments.count { $0.isFraud })
        for kind in FraudKind.allCases {
            #expect(summary.rowsByFraudKind[Int(kind.rawValue)] == file.payments.count { $0.fraudKind == kind.name })
        }
        #expect(summary.declinedRows == file.payments.count { $0.status == "declined" })
        #expect(summary.refundRows == file.payments.count { $0.kind == "refund" })
        #expect(summary.rowsByHour[13] == file.payments.count { $0.event / 3_600_000_000 % 24 == 13 })
        #expect(summary.rowsByDay.values.reduce(0, +) == summary.rows)
        let amount = file.payments.filter { $0.status == "approved" }.reduce(0) { $0 + $1.amount }
        #expect(abs(summary.approvedAmount - amount) < 1e-6 * amount)
    }

    @Test("summaries of batches merge into the summary of the file, in any order")
    func merges() throws {
        let generator = try PaymentGenerator(settings: PaymentSettings(rows: 5_000, seed: 9), rowsPerBatch: 600)
        var whole = PaymentSummary()
        var merged = PaymentSummary()
        for index in 0..<generator.batchCount {
            whole.add(generator.batch(index), firstRow: index * 600)
            let other = generator.batchCount - 1 - index
            var part = PaymentSummary()
            part.add(generator.batch(other), firstRow: other * 600)
            merged.merge(part)
        }
        #expect(merged.rows == 5_000 && merged.rowsByDay == whole.rowsByDay)
        #expect(merged.rowsByFraudKind == whole.rowsByFraudKind && merged.duplicateRows == whole.duplicateRows)
        #expect(abs(merged.approvedAmount - whole.approvedAmount) < 1e-6 * whole.approvedAmount)
    }

    @Test("the summary is written as JSON and as text")
    func rendering() throws {
        let summary = try PaymentFile.sample(.v2).summary
        var json = JSONWriter()
        summary.write(to: &json)
        let tree = try JSONValue(parsing: json.text)
        #expect(tree["fraud_rate"]?.number == summary.fraudRate)
        #expect(tree["fraud_kinds"]?["card_testing"]?.integer == Int64(summary.rowsByFraudKind[1]))
        #expect(tree["hour_seasonality"]?.array?.count == 24)
        #expect(tree["weekday_seasonality"]?.array?.count == 7)
        #expect(summary.text.contains("fraud        600 (0.50 %)"))
        #expect(summary.text.split(separator: "\n").allSatisfy { $0.count < 80 })
        #expect(PaymentSummary().text.contains("0.00 %"))
    }
}
