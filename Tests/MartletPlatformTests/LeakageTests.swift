import MartletCore
import MartletPlatform
import MartletQuery
import MartletTestSupport
import Testing

private let definitions = """
    entity: card
    key: card
    type: int64
    ---
    source: payments
    columns:
      id: {type: int64, nullable: false}
      card: {type: int64, nullable: false}
      amount: float64
      at: {type: timestamp, nullable: false}
      seen: timestamp
    event_time: at
    arrival_time: seen
    id: id
    ---
    source: imported
    columns:
      card: {type: int64, nullable: false}
      limit_now: float64
      at: {type: timestamp, nullable: false}
    event_time: at
    ---
    features: activity
    entity: card
    source: payments
    windows: [7d]
    aggregates: {payments: count, amount_sum: sum(amount)}
    ---
    features: newest
    entity: card
    source: payments
    latest: {last_amount: amount}
    ---
    features: limits
    entity: card
    source: imported
    latest: {limit_now: limit_now}
    ---
    service: honest
    features: [activity, limits]
    ---
    service: inclusive
    features: [newest]
    """

/// Ten payments a card, an hour apart; seen some minutes later.
private func rows(delayMinutes: Int64) -> String {
    var text = "id,card,amount,at,seen\n"
    for id in 0..<2_000 {
        let at = Timestamp(year: 2026, month: 3, day: 1) + .minutes(Int64(id / 200) * 60 + Int64(id % 200) / 4)
        text += "\(id),\(id % 200),\(id % 37),\(at),\(at + .minutes(delayMinutes))\n"
    }
    return text
}

/// The payments themselves, `offset` microseconds from their time.
private func labels(offset: Int64, column: String = "note") -> String {
    var text = "card,event_timestamp,\(column)\n"
    for id in 0..<2_000 {
        let at = Timestamp(year: 2026, month: 3, day: 1) + .minutes(Int64(id / 200) * 60 + Int64(id % 200) / 4)
        text += "\(id % 200),\(at + TimeSpan(microseconds: offset)),\(id % 37)\n"
    }
    return text
}

@Suite("Leakage")
struct LeakageTests {
    private func test(delayMinutes: Int64, labels text: String) throws -> (TestRepository, String) {
        let test = try TestRepository(definitions)
        try test.ingest("payments", csv: rows(delayMinutes: delayMinutes))
        var limits = "card,limit_now,at\n"
        for card in 0..<200 { limits += "\(card),\(card * 3),2026-02-01T00:00:00Z\n" }
        try test.ingest("imported", csv: limits, name: "limits.csv")
        test.folder.write(text, to: "labels.csv")
        return (test, test.path("labels.csv"))
    }

    @Test("an honest set is built: events soon known, and a source that does not tell when")
    func honest() throws {
        let (test, labels) = try test(delayMinutes: 1, labels: labels(offset: -1))
        let set = try test.workspace.trainingSet(TrainingSetRequest(service: "honest", labels: labels))
        #expect(set.rows.rowCount == 2_000)
        let inclusive = try test.workspace.trainingSet(TrainingSetRequest(service: "inclusive", labels: labels))
        #expect(inclusive.rows.columns[3][1_999] == .float64(23))
    }

    @Test("a feature of events that arrive long after the label is refused as true and built as known")
    func lateEvents() throws {
        let (test, labels) = try test(delayMinutes: 30 * 1_440, labels: labels(offset: -1))
        var request = TrainingSetRequest(service: "honest", labels: labels)
        for memoryBytes in [nil, 400_000] {
            let error = #expect(throws: MartletError.self) {
                try test.workspace.trainingSet(request, memoryBytes: memoryBytes)
            }
            #expect(error?.code == .labelLeakage)
            #expect(
                error?.message == "payments_7d needs events at or after the label's time: of 1800 sampled label rows "
                    + "in which it has seen an event, 1800 have another value when only events before the label and "
                    + "known by then count")
        }
        request.asKnown = true
        #expect(try test.workspace.trainingSet(request).rows.columns[3][1_999] == .int64(0))
        request = TrainingSetRequest(
            service: "honest", labels: labels, allowedLeakage: ["payments_7d", "amount_sum_7d"])
        #expect(try test.workspace.trainingSet(request).rows.columns[3][1_999] == .int64(9))
    }

    @Test("a latest value that is the label's own event is refused on both clocks")
    func ownEvent() throws {
        let (test, labels) = try test(delayMinutes: 0, labels: labels(offset: 0))
        for asKnown in [false, true] {
            let error = #expect(throws: MartletError.self) {
                try test.workspace.trainingSet(
                    TrainingSetRequest(service: "inclusive", labels: labels, asKnown: asKnown))
            }
            #expect(error?.code == .labelLeakage)
            #expect(error?.message.hasPrefix("last_amount needs events at or after") == true)
        }
        let error = #expect(throws: MartletError.self) {
            try test.workspace.trainingSet(
                TrainingSetRequest(service: "inclusive", labels: labels, allowedLeakage: ["amount"]))
        }
        #expect(error?.code == .unknownName)
    }

    @Test("a feature equal to a column of the labels is refused, in memory and in parts")
    func copies() throws {
        let (test, path) = try test(delayMinutes: 0, labels: labels(offset: 1, column: "target"))
        for memoryBytes in [nil, 400_000] {
            let error = #expect(throws: MartletError.self) {
                try test.workspace.writeTrainingSet(
                    TrainingSetRequest(service: "inclusive", labels: path), to: test.path("set.parquet"),
                    principal: test.principal, memoryBytes: memoryBytes)
            }
            #expect(error?.code == .labelLeakage)
            #expect(
                error?.message == "last_amount equals the labels' column target in all 2000 sampled rows that have both"
            )
            #expect(test.folder.bytes(of: "set.parquet").isEmpty)
        }
        let allowed = TrainingSetRequest(service: "inclusive", labels: path, allowedLeakage: ["last_amount"])
        #expect(try test.workspace.trainingSet(allowed).rows.rowCount == 2_000)
    }
}

@Suite("The two clocks compared")
struct ClockReportTests {
    @Test("counts late events and corrections of each feature, in memory and in parts")
    func report() throws {
        let test = try TestRepository(definitions)
        // Card 1: on time. Card 2: late. Card 3: the same moment told twice, the second time later.
        try test.ingest(
            "payments",
            csv: """
                id,card,amount,at,seen
                1,1,10,2026-03-01T10:00:00Z,2026-03-01T10:00:01Z
                2,2,20,2026-03-01T10:00:00Z,2026-03-02T10:00:00Z
                3,3,30,2026-03-01T10:00:00Z,2026-03-01T10:00:01Z
                4,3,31,2026-03-01T10:00:00Z,2026-03-02T10:00:00Z

                """)
        test.folder.write(
            """
            card,event_timestamp
            1,2026-03-01T12:00:00Z
            2,2026-03-01T12:00:00Z
            2,2026-03-02T12:00:00Z
            3,2026-03-01T12:00:00Z
            2,2026-03-01T13:00:00Z

            """, to: "labels.csv")
        for memoryBytes in [nil, 1_000] {
            let report = try test.workspace.compareClocks(
                TrainingSetRequest(service: "inclusive", labels: test.path("labels.csv")), examples: 2,
                memoryBytes: memoryBytes)
            #expect(report.rowCount == 5)
            #expect(report.features.map(\.name) == ["last_amount"])
            let count = report.features[0].count
            #expect(count.differing == 3)
            #expect(count.late == 2)
            #expect(count.corrected == 1)
            #expect(count.examples == [1, 3])
            #expect(report.features[0].hasArrivalTimes)
        }
        try test.ingest("imported", csv: "card,limit_now,at\n1,5,2026-02-01T00:00:00Z\n", name: "limits.csv")
        let activity = try test.workspace.compareClocks(
            TrainingSetRequest(service: "honest", labels: test.path("labels.csv")), examples: 0)
        // Rows 1 and 4 miss a late event, row 3 misses one of two; the limit was known when it was ingested.
        #expect(activity.features.map(\.name) == ["payments_7d", "amount_sum_7d", "limit_now"])
        #expect(activity.features.map(\.count.differing) == [3, 3, 1])
        #expect(activity.features.map(\.count.corrected) == [0, 0, 0])
        #expect(activity.features.map(\.hasArrivalTimes) == [true, true, false])
    }
}
