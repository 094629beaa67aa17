import MartletCore
import MartletPlatform
import MartletTestSupport
import Testing

private let orders = """
    entity: user
    key: user
    type: string
    ---
    source: orders
    columns:
      id: {type: int64, nullable: false}
      user: {type: string, nullable: false}
      amount: {type: float64, nullable: false}
      at: {type: timestamp, nullable: false}
      seen: {type: timestamp, nullable: false}
    event_time: at
    arrival_time: seen
    id: id
    ---
    features: spending
    entity: user
    source: orders
    windows: [7d]
    aggregates: {orders: count, amount_sum: sum(amount), most: max(amount)}
    ---
    features: newest
    entity: user
    source: orders
    latest: {last_amount: amount}
    ---
    service: model
    features: [spending, newest]
    """

/// One line of the log: hours of the 10th of March.
private struct Change {
    var operation: String?
    var id: Int
    var user = "ann"
    var amount = 0.0
    var at = 0
    var seen = 0

    var line: String {
        let member = operation.map { "\"_op\":\"\($0)\"," } ?? ""
        func time(_ hour: Int) -> String { "2026-03-10T\(hour < 10 ? "0" : "")\(hour):00:00Z" }
        return "{\(member)\"id\":\(id),\"user\":\"\(user)\",\"amount\":\(amount),"
            + "\"at\":\"\(time(at))\",\"seen\":\"\(time(seen))\"}\n"
    }
}

@Suite("What is taken back")
struct TakenBackTests {
    private let hours = Timestamp(year: 2026, month: 3, day: 10)
    private func hour(_ hour: Int) -> Timestamp { hours + TimeSpan.hours(Int64(hour)) }

    private func push(_ test: TestRepository, _ changes: [Change]) async throws {
        let live = LiveEvents(test.workspace, isRunning: false)
        let pending = try Array(changes.map(\.line).joined().utf8).withUnsafeBytes {
            try live.openDoor().push($0, isPadded: false, as: .jsonLines, to: "orders", key: nil)
        }
        try live.land(upTo: try await pending.finish().endOffset)
    }

    /// `orders amount_sum most last_amount` of ann at each hour.
    private func values(_ test: TestRepository, asKnown: Bool, _ hours: [Int]) throws -> [String] {
        try hours.map { at in
            try ["spending:orders_7d", "spending:amount_sum_7d", "spending:most_7d", "newest:last_amount"].map {
                try test.workspace.explain($0, entity: ["user": "ann"], at: hour(at), asKnown: asKnown).value
                    .description
            }.joined(separator: " ")
        }
    }

    private let changes = [
        Change(id: 1, amount: 10, at: 1, seen: 1), Change(id: 2, amount: 5, at: 2, seen: 2),
        Change(operation: "update", id: 1, amount: 12, at: 1, seen: 4),
        Change(operation: "update", id: 1, amount: 13, at: 1, seen: 6),
        Change(operation: "delete", id: 2, at: 2, seen: 8),
    ]

    @Test(
        "counts as known until it is, and never was as true, in one landing or over several",
        arguments: [false, true])
    func clocks(together: Bool) async throws {
        let test = try TestRepository(orders)
        for part in together ? [changes] : changes.map({ [$0] }) { try await push(test, part) }
        let known = try values(test, asKnown: true, [3, 4, 5, 6, 7, 8, 9])
        #expect(
            known == [
                "2 15.0 10.0 5.0", "2 17.0 12.0 5.0", "2 17.0 12.0 5.0", "2 18.0 13.0 5.0", "2 18.0 13.0 5.0",
                "1 13.0 13.0 13.0", "1 13.0 13.0 13.0",
            ])
        #expect(try values(test, asKnown: false, [3, 9]) == ["1 13.0 13.0 13.0", "1 13.0 13.0 13.0"])
        let gone = try test.rows("removed.orders", "_position, _removed_time, _removed_by")
        #expect(gone.count == 3, "\(gone)")
    }

    @Test("is counted by cause where the clocks are compared")
    func causes() async throws {
        let test = try TestRepository(orders)
        try await push(test, changes + [Change(id: 3, amount: 1, at: 9, seen: 12)])
        let rows = [3, 5, 7, 10].map { "ann,\(hour($0))\n" }.joined()
        test.folder.write("user,event_timestamp\n" + rows, to: "labels.csv")
        for memoryBytes in [nil, 1_000] {
            let report = try test.workspace.compareClocks(
                TrainingSetRequest(service: "model", labels: test.path("labels.csv")), memoryBytes: memoryBytes)
            #expect(report.features.map(\.name) == ["orders_7d", "amount_sum_7d", "most_7d", "last_amount"])
            #expect(report.features.map(\.count.differing) == [4, 4, 2, 4])
            #expect(report.features.map(\.count.takenBack) == [3, 3, 2, 3])
            #expect(report.features.map(\.count.late) == [1, 1, 0, 1])
        }
    }

    @Test("leaves the online store with the next load, which computes the entities concerned alone")
    func loads() async throws {
        let test = try TestRepository(orders)
        try await push(
            test,
            changes.prefix(2) + [
                Change(id: 3, user: "bob", amount: 7, at: 1, seen: 1),
                Change(id: 4, user: "cid", amount: 8, at: 1, seen: 1),
            ])
        func load(_ at: Int) throws -> [MaterializationReport] {
            try test.workspace.materialize(["spending", "newest"], upTo: hour(at), principal: test.principal)
        }
        func served(_ at: Int) throws -> [String] {
            let answer = try test.workspace.getOnline(
                ["spending:amount_sum_7d", "newest:last_amount"], entities: ["user": ["ann", "bob", "cid"]],
                at: hour(at))
            return (0..<3).map { user in answer.columns.map { $0[user].description }.joined(separator: " ") }
        }
        _ = try load(3)
        #expect(try served(3) == ["15.0 5.0", "7.0 7.0", "8.0 8.0"])
        try await push(
            test,
            [Change(operation: "delete", id: 2, at: 2, seen: 4), Change(operation: "delete", id: 3, at: 1, seen: 5)])
        // Known at four: the one of the two.
        #expect(try load(4).map(\.plan.mode) == [.changed(since: hour(3)), .changed(since: hour(3))])
        #expect(try served(4) == ["10.0 10.0", "7.0 7.0", "8.0 8.0"])
        let last = try load(6)
        #expect(last.map(\.plan.changedRows) == [1, 1] && last.map(\.entities) == [0, 0])
        #expect(try served(6) == ["10.0 10.0", "0.0 null", "8.0 8.0"])
        let nothing = try load(7)
        #expect(nothing.map(\.plan.changedRows) == [0, 0])
        // What comes later takes the place of a tombstone, were it older than what was taken back.
        try await push(test, [Change(id: 9, user: "bob", amount: 3, at: 0, seen: 8)])
        _ = try load(9)
        #expect(try served(9) == ["10.0 10.0", "3.0 3.0", "8.0 8.0"])
        let report = try test.workspace.verify(["spending", "newest"], entities: 10, times: 3)
        #expect(report.isEqual, "\(report.mismatches)")
        // A full load into the same store leaves it as it is.
        _ = try test.workspace.materialize(
            ["spending", "newest"], upTo: hour(10), isFull: true, principal: test.principal)
        #expect(try served(10) == ["10.0 10.0", "3.0 3.0", "8.0 8.0"])
    }

    @Test("any order of changes on many landings serves and trains what the oracle says", arguments: [41, 42, 43])
    func anyOrder(seed: UInt64) async throws {
        let test = try TestRepository(orders)
        var random = SeededRandom(seed: seed)
        var log: [Change] = []
        var living: [Int] = []
        for id in 0..<40 {
            let seen = id / 2
            log.append(
                Change(
                    id: id, amount: Double(Int.random(in: 1...50, using: &random)),
                    at: max(0, seen - Int.random(in: 0...4, using: &random)), seen: seen))
            living.append(id)
            if Int.random(in: 0..<3, using: &random) == 0, let old = living.randomElement(using: &random) {
                let isUpdate = Bool.random(using: &random)
                log.append(
                    Change(
                        operation: isUpdate ? "update" : "delete", id: old,
                        amount: Double(Int.random(in: 1...50, using: &random)),
                        at: Int.random(in: 0...seen, using: &random), seen: seen))
                if !isUpdate { living.removeAll { $0 == old } }
            }
        }
        var next = 0
        while next < log.count {
            let end = min(log.count, next + Int.random(in: 1...12, using: &random))
            try await push(test, Array(log[next..<end]))
            next = end
        }
        /// Counts and sums straight from the log.
        func expected(_ time: Int, asKnown: Bool) -> String {
            let state = log.filter { !asKnown || $0.seen <= time }
            var live: [Int: Change] = [:]
            for change in state { live[change.id] = change.operation == "delete" ? nil : change }
            let counted = live.values.filter { $0.at < time }
            return "\(counted.count) \(counted.reduce(0) { $0 + $1.amount })"
        }
        for time in 1...22 {
            for asKnown in [false, true] {
                let found = try ["spending:orders_7d", "spending:amount_sum_7d"].map {
                    try test.workspace.explain($0, entity: ["user": "ann"], at: hour(time), asKnown: asKnown).value
                        .description
                }
                #expect(
                    found.joined(separator: " ") == expected(time, asKnown: asKnown),
                    "seed \(seed), hour \(time), as known \(asKnown)")
            }
        }
        for time in [5, 9, 14, 22] {
            _ = try test.workspace.materialize(["spending"], upTo: hour(time), principal: test.principal)
            let answer = try test.workspace.getOnline(
                ["spending:orders_7d", "spending:amount_sum_7d"], entities: ["user": ["ann"]], at: hour(time))
            let served = answer.columns.map { $0[0].description }.joined(separator: " ")
            #expect(served == expected(time, asKnown: true), "seed \(seed), hour \(time)")
        }
    }
}
