import MartletCore
import MartletDefinitions
import MartletFeatures
import Testing

@Suite("Features as Spark SQL")
struct SparkSQLTests {
    private let relations = SparkRelations(
        labelKeys: ["key0"], rows: "SELECT id AS k0, t, a, p, x0 FROM source", asKnown: false)

    private func plan(_ aggregates: WindowAggregate...) throws -> WindowPlan {
        try WindowPlan(aggregates: aggregates, inputColumns: ["x": 0])
    }

    @Test("counts, and values counted by their newest occurrence, give this text")
    func golden() throws {
        let found = try plan(
            WindowAggregate(name: "n", function: .count, windows: [.hours(1), .days(30)]),
            WindowAggregate(name: "d", function: .distinct, column: "x", columnType: .string, windows: [.days(30)])
        ).sparkSQL(relations)
        #expect(
            found.sql == """
                WITH events AS (SELECT *, x0 AS v0 FROM (SELECT id AS k0, t, a, p, x0 FROM source)),
                moments AS (SELECT *, t - 3600000000 - pmod(t - 3600000000, 300000000) AS w0, \
                t - 2592000000000 - pmod(t - 2592000000000, 86400000000) AS w1 FROM \
                (SELECT row, t, key0 AS k0 FROM labels)),
                pairs AS (
                  SELECT e.*, l.row, l.w0, l.w1
                  FROM moments l JOIN events e ON l.k0 = e.k0 AND e.t >= least(l.w0, l.w1) AND e.t < l.t
                ),
                aggregates AS (SELECT k0, row, count(1) FILTER (WHERE t >= w0) AS c0,
                    count(1) FILTER (WHERE t >= w1) AS c1 FROM pairs GROUP BY k0, row),
                distinct0 AS (SELECT k0, row, count(1) FILTER (WHERE t >= w1) AS u2 FROM \
                (SELECT k0, row, w1, v0, max(t) AS t FROM pairs WHERE v0 IS NOT NULL
                  GROUP BY k0, row, w1, v0) GROUP BY k0, row)
                SELECT l.row, coalesce(c0, 0) AS f0, coalesce(c1, 0) AS f1, \
                CASE WHEN u2 > 1024 THEN raise_error('d_30d: a window has more than 1024 different values, which Spark \
                does not estimate; build this set with engine: duckdb') ELSE coalesce(u2, 0) END AS f2
                FROM labels l LEFT JOIN aggregates ON l.row = aggregates.row \
                LEFT JOIN distinct0 ON l.row = distinct0.row
                """)
        #expect(found.features.map(\.type) == [.int64, .int64, .int64])
        #expect(found.features.map(\.value) == [.column("f0"), .column("f1"), .column("f2")])
    }

    @Test("latest values give this text, as known within a time to live")
    func latest() {
        let known = SparkRelations(labelKeys: ["key2", "key0"], rows: "SELECT * FROM rows", asKnown: true)
        let found = sparkLatestSQL(
            features: [(.float64, 1), (.timestamp, 0)], ttl: .days(1), relations: known)
        #expect(
            found.sql == """
                WITH events AS (SELECT *, row_number() OVER (PARTITION BY k0, k1 ORDER BY t, a, p) AS o FROM \
                (SELECT * FROM rows)),
                moments AS (SELECT row, t, key2 AS k0, key0 AS k1 FROM labels),
                winners AS (
                  SELECT l.k0, l.k1, l.row, max(e.o) AS o
                  FROM moments l JOIN events e ON l.k0 = e.k0 AND l.k1 = e.k1 AND e.a <= l.t AND e.t <= l.t AND \
                e.t >= l.t - 86400000000
                  GROUP BY l.k0, l.k1, l.row
                )
                SELECT l.row, e.x1 AS f0, e.x0 AS f1
                FROM labels l LEFT JOIN winners w ON l.row = w.row LEFT JOIN events e ON w.k0 = e.k0 AND w.k1 = e.k1 \
                AND w.o = e.o
                """)
    }

    @Test("a sum is asked for in limbs, a stddev in those of the squares as well")
    func moments() throws {
        let found = try plan(
            WindowAggregate(name: "s", function: .sum, column: "x", columnType: .float64, windows: [.days(1)]),
            WindowAggregate(name: "d", function: .stddev, column: "x", columnType: .float64, windows: [.days(7)])
        ).sparkSQL(relations)
        let values = found.features.map(\.value)
        guard case .moment(let sum) = values[0], case .moment(let deviation) = values[1] else {
            Issue.record("both are rounded from sums")
            return
        }
        #expect(sum.function == "sum")
        #expect(sum.sums == (0..<5).map { "m0w0s\($0)" })
        #expect(sum.squares.isEmpty)
        #expect(deviation.function == "stddev")
        #expect(deviation.squares == (0..<9).map { "m0w1q\($0)" })
        #expect(deviation.wide == "m0w1w")
        // The lowest limb counts units of 2^-80; a power of two is told exactly.
        #expect(
            found.sql.contains("rint(v0n * 1.2089258196146292e+24D) - 4294967296D * rint(v0n * 281474976710656.0D)"))
    }

    @Test("windows that Spark does not compute are refused by name")
    func refused() throws {
        var aggregate = WindowAggregate(name: "n", function: .count, windows: [.days(1)], shape: .tumbling)
        for shape in [WindowShape.tumbling, .session(gap: .hours(1)), .newest(3)] {
            aggregate.shape = shape
            let plan = try plan(aggregate)
            let error = #expect(throws: MartletError.self) { try plan.sparkSQL(relations) }
            #expect(error?.code == .invalidDefinition)
            #expect(error?.message.contains("n_") == true)
        }
    }
}
