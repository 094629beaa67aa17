import MartletCore
import MartletPlatform
import MartletQuery
import MartletTestSupport
import Testing

private let definitions = """
    entity: user
    key: user
    type: int64
    ---
    entity: shop
    key: shop
    type: int64
    ---
    source: payments
    columns:
      payment: {type: int64, nullable: false}
      user: {type: int64, nullable: false}
      place: {type: int64, nullable: false}
      amount: float64
      at: {type: timestamp, nullable: false}
      seen: {type: timestamp, nullable: false}
    event_time: at
    arrival_time: seen
    id: payment
    ---
    source: shops
    columns:
      shop: {type: int64, nullable: false}
      category: string
      changed: {type: timestamp, nullable: false}
      known: {type: timestamp, nullable: false}
    event_time: changed
    arrival_time: known
    ---
    features: shop_profile
    entity: shop
    source: payments
    key_columns: {shop: place}
    aggregates:
      shop_payments: {function: count, windows: [6h], exact: true}
      shop_last: {function: last, column: amount, windows: [6h], exact: true}
    ---
    features: shop_info
    entity: shop
    source: shops
    latest: [category]
    ---
    features: user_spend
    entity: user
    source: payments
    reads:
      - {view: shop_profile, features: [shop_payments_6h, shop_last_6h], key_columns: {shop: place}}
      - {view: shop_info, key_columns: {shop: place}}
    where: shop_info__category != 'b'
    aggregates:
      busiest: {function: max, column: shop_profile__shop_payments_6h, windows: [1d], exact: true}
      before_sum: {function: sum, column: shop_profile__shop_last_6h, windows: [1d], exact: true}
      payments: {function: count, windows: [1d], exact: true}
    ---
    features: user_last
    entity: user
    source: payments
    reads: [{view: shop_info, key_columns: {shop: place}}, user_spend]
    latest: {last_category: shop_info__category, last_payments: user_spend__payments_1d}
    ---
    service: both
    features: [user_spend, user_last]
    """

@Suite("A view that reads other views")
struct ReadingViewTests {
    private static let start = Timestamp(year: 2026, month: 3, day: 25)

    /// Payments and shops of a week with arrivals that overtake each other: most within minutes, some after hours.
    private func loaded(_ seed: UInt64) throws -> TestRepository {
        var random = SeededRandom(seed: seed, stream: 0)
        func below(_ bound: UInt64) -> Int64 { Int64(random.next() % bound) }
        func late() -> TimeSpan {
            below(4) == 0 ? .minutes(below(1_500)) : TimeSpan(microseconds: 1_000_000 * below(200))
        }
        var payments = "payment,user,place,amount,at,seen\n"
        for number in 0..<600 {
            // Whole minutes, so that ties occur.
            let at = Self.start + .minutes(below(6 * 1_440))
            let amount = below(10) == 0 ? "" : "\(below(50))"
            payments += "\(number),\(below(9)),\(below(6)),\(amount),\(at),\(at + late())\n"
        }
        var shops = "shop,category,changed,known\n"
        for _ in 0..<60 {
            let at = Self.start + .minutes(below(6 * 1_440))
            shops += "\(below(5)),\(["a", "b", "c", "d", "e", ""][Int(below(6))]),\(at),\(at + late())\n"
        }
        let test = try TestRepository(definitions)
        try test.ingest("payments", csv: payments, name: "payments.csv")
        try test.ingest("shops", csv: shops, name: "shops.csv")
        return test
    }

    /// Every payment with what it could know of its shop, by SQL that says what the documentation says.
    private let enriched = """
        SELECT p.*,
            (SELECT count(*) FROM payments e WHERE e.place = p.place AND e.seen <= p.seen
                AND e.at < p.at AND e.at >= p.at - INTERVAL 6 HOUR) AS shop_payments,
            (SELECT e.amount FROM payments e WHERE e.place = p.place AND e.seen <= p.seen AND e.amount IS NOT NULL
                AND e.at < p.at AND e.at >= p.at - INTERVAL 6 HOUR
                ORDER BY e.at DESC, e.seen DESC, e._position DESC LIMIT 1) AS shop_last,
            (SELECT s.category FROM shops s WHERE s.shop = p.place AND s.known <= p.seen AND s.changed <= p.at
                ORDER BY s.changed DESC, s.known DESC, s._position DESC LIMIT 1) AS category
        FROM payments p
        """

    @Test("has the values that an independent query computes, on both clocks", arguments: [3, 4, 5] as [UInt64])
    func query(seed: UInt64) throws {
        let test = try loaded(seed)
        var random = SeededRandom(seed: seed, stream: 1)
        let connection = try test.workspace.engine.connect()
        for source in ["payments", "shops"] {
            try connection.execute(
                "CREATE TEMP VIEW \(source) AS SELECT * FROM \(test.workspace.scan(of: "silver.\(source)"))")
        }
        try connection.execute("CREATE TEMP TABLE enriched AS \(enriched)")
        var labels = "n,user,event_timestamp\n"
        for number in 0..<120 {
            let time = Self.start + .minutes(Int64(random.next() % (7 * 1_440)))
            labels += "\(number),\(random.next() % 10),\(time)\n"
        }
        test.folder.write(labels, to: "labels.csv")
        for asKnown in [false, true] {
            var request = TrainingSetRequest(service: "both", labels: test.path("labels.csv"), asKnown: asKnown)
            // So many rows are late here that features on the true clock tell of the future.
            request.allowedLeakage = ["busiest_1d", "before_sum_1d", "payments_1d", "last_category", "last_payments"]
            let set = try test.workspace.trainingSet(request)
            try connection.register("labels", set.rows)
            let known = asKnown ? "AND e.seen <= l.event_timestamp" : ""
            let spend = "e.user = l.user AND e.at < l.event_timestamp AND e.at >= l.event_timestamp - INTERVAL 1 DAY"
            let different = try connection.query(
                """
                WITH spend AS (
                    SELECT l.n, max(e.shop_payments) AS busiest, coalesce(sum(e.shop_last), 0) AS before_sum,
                        count(e.user) AS payments
                    FROM labels l LEFT JOIN enriched e ON \(spend) AND e.category != 'b' \(known) GROUP BY l.n),
                last AS (
                    SELECT l.n, e.category, e._position AS position, row_number() OVER (PARTITION BY l.n
                        ORDER BY e.at DESC, e.seen DESC, e._position DESC) AS place,
                        (SELECT count(*) FROM enriched o WHERE o.user = e.user AND o.category != 'b'
                            AND o.seen <= e.seen AND o.at < e.at AND o.at >= e.at - INTERVAL 1 DAY) AS payments
                    FROM labels l JOIN enriched e ON e.user = l.user AND e.at <= l.event_timestamp \(known))
                SELECT l.n FROM labels l JOIN spend s USING (n) LEFT JOIN last f ON f.n = l.n AND f.place = 1
                WHERE l.busiest_1d IS DISTINCT FROM s.busiest OR l.before_sum_1d IS DISTINCT FROM s.before_sum
                    OR l.payments_1d IS DISTINCT FROM s.payments OR l.last_category IS DISTINCT FROM f.category
                    OR l.last_payments IS DISTINCT FROM f.payments
                """)
            #expect(different.rowCount == 0, "seed \(seed), as known \(asKnown): \(different.columns[0])")
            // The random data say something.
            #expect(set.rows["busiest_1d"].map { $0.nullCount < 90 } == true)
            #expect(set.rows["last_category"].map { $0.nullCount < 90 } == true)
        }
    }

    @Test("is served as it is computed offline, and explained from its rows")
    func served() throws {
        let test = try loaded(7)
        _ = try test.workspace.materialize(upTo: Self.start + .days(4), principal: test.principal)
        let report = try test.workspace.verify(entities: 20, times: 6, seed: 7)
        #expect(report.isEqual, "seed 7: \(report.mismatches)")
        #expect(report.views.map(\.name) == ["shop_info", "shop_profile", "user_last", "user_spend"])
        let time = Self.start + .days(3)
        let explanation = try test.workspace.explain("user_spend:before_sum_1d", entity: ["user": "1"], at: time)
        let sum = explanation.events.reduce(0.0) { $0 + ($1.value.number ?? 0) }
        #expect(explanation.value == .float64(sum))
        #expect(!explanation.events.isEmpty)
        #expect(Set(explanation.tableVersions.keys) == ["silver.payments", "silver.shops"])
    }

    @Test("does not change when what it read is corrected later")
    func fixed() throws {
        let test = try TestRepository(definitions)
        try test.ingest(
            "payments", csv: "payment,user,place,amount,at,seen\n1,1,1,5,2026-03-26T10:00:00Z,2026-03-26T10:01:00Z\n")
        try test.ingest("shops", csv: "shop,category,changed,known\n1,a,2026-03-26T09:00:00Z,2026-03-26T09:00:00Z\n")
        test.folder.write("user,event_timestamp\n1,2026-03-27T00:00:00Z\n", to: "labels.csv")
        let request = TrainingSetRequest(service: "both", labels: test.path("labels.csv"))
        let before = try test.workspace.trainingSet(request).rows
        #expect(before["last_category"]?[0] == .string("a"))
        // Known before the label, but after the payment had arrived.
        try test.ingest(
            "shops", csv: "shop,category,changed,known\n1,c,2026-03-26T09:30:00Z,2026-03-26T12:00:00Z\n",
            name: "later.csv")
        #expect(try test.workspace.trainingSet(request).rows == before)
        // Known in time: the payment knew it.
        try test.ingest(
            "shops", csv: "shop,category,changed,known\n1,d,2026-03-26T09:40:00Z,2026-03-26T10:01:00Z\n",
            name: "in_time.csv")
        #expect(try test.workspace.trainingSet(request).rows["last_category"]?[0] == .string("d"))
    }

    @Test("has a new version when what it reads is changed, and must be loaded again")
    func version() throws {
        let test = try loaded(9)
        _ = try test.workspace.materialize(principal: test.principal)
        try test.apply(definitions.replacing("latest: [category]", with: "ttl: 2d\nlatest: [category]"))
        let error = #expect(throws: MartletError.self) { try test.workspace.verify(["user_last"]) }
        #expect(error?.fix == "load them: martlet materialize user_last")
        #expect(try test.workspace.verify(["shop_profile"], entities: 5, times: 1).isEqual)
    }
}
