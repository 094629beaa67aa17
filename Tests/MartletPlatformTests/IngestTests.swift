import MartletCore
import MartletLog
import MartletPlatform
import MartletQuery
import MartletTestSupport
import Testing

private func definitions(_ severity: String) -> String {
    """
    source: clicks
    columns:
      id: {type: int64, nullable: false}
      user: {type: string, nullable: false}
      amount: float64
      at: {type: timestamp, nullable: false}
      seen: timestamp
    event_time: at
    arrival_time: seen
    id: id
    ---
    checks: clicks_quality
    source: clicks
    rules:
      - range: {column: amount, min: 0}
        severity: \(severity)
    """
}

private func repository(_ severity: String = "error") throws -> TestRepository {
    try TestRepository(definitions(severity))
}

@Suite("Ingestion")
struct IngestTests {
    @Test("lands rows with their arrival and position, and of equal ids keeps the first in the log")
    func duplicates() throws {
        let test = try repository()
        let report = try test.ingest(
            "clicks",
            csv: """
                id,user,amount,at,seen
                1,ann,1.5,2026-03-01T00:00:00Z,2026-03-01T00:00:09Z
                2,bob,,2026-03-01T00:00:01Z,
                1,ann,1.5,2026-03-01T00:00:00Z,2026-03-01T00:00:05Z
                """)
        #expect(report.rowsRead == 3)
        #expect(report.misfits == 0)
        #expect(report.duplicates == 1)
        let expected = ["1 1.5 0", "2 1"]
        #expect(try test.rows("silver.clicks", "id, amount, _position") == expected)
        #expect(try test.rows("bronze.clicks", "_position") == ["0", "1"])
        // Without an arrival time of its own, a row arrived when it was ingested.
        let arrivals = try test.rows("silver.clicks", "id, epoch_us(_arrival_time)")
        #expect(arrivals == ["1 1772323209000000", "2 \(TestRepository.now.microseconds)"])
    }

    @Test("reads JSON lines, whatever types their values have")
    func jsonLines() throws {
        let test = try repository()
        let report = try test.ingest(
            "clicks",
            csv: """
                {"id": 1, "user": "ann", "amount": 1.5, "at": "2026-03-01T00:00:00Z", "seen": null, "extra": [1]}
                {"id": "2", "user": "7", "amount": "2.5", "at": "2026-03-01T02:00:00+02:00"}
                {"id": 3, "user": "it's \\"ü\\"", "amount": {"x": 1}, "at": "2026-03-01T00:00:00Z"}

                """, name: "rows.jsonl")
        #expect(report.misfits == 1)
        #expect(
            try test.rows("silver.clicks", "id, \"user\", amount, epoch_us(\"at\")")
                == ["1 ann 1.5 1772323200000000", "2 7 2.5 1772323200000000"])
        #expect(try test.deadLetters().map(\.reason) == ["amount: not a float64"])
    }

    @Test("adds nothing when the same bytes come again, and drops known ids from other files")
    func repetition() throws {
        let test = try repository()
        let text = "id,user,amount,at,seen\n1,ann,1,2026-03-01T00:00:00Z,\n"
        try test.ingest("clicks", csv: text)
        let again = try test.ingest("clicks", csv: text, name: "other.csv")
        #expect(again.isRepeat)
        #expect(again.refinement == nil)
        let more = try test.ingest("clicks", csv: text + "2,bob,2,2026-03-02T00:00:00Z,\n", name: "more.csv")
        #expect(more.duplicates == 1)
        #expect(more.refinement?.silverRows == 1)
        #expect(try test.rows("silver.clicks", "id, _position") == ["1 0", "2 1"])
    }

    @Test("keeps what does not fit as a dead letter, with the reason and the row as it was")
    func misfits() throws {
        let test = try repository()
        let report = try test.ingest(
            "clicks",
            csv: """
                id,user,amount,at,seen
                1,ann,many,2026-03-01T00:00:00Z,
                1.5,bob,1,2026-03-01T00:00:00Z,
                3,,1,2026-03-01T00:00:00Z,
                4,dan,1,2026-13-01T00:00:00Z,
                5,eve,1,2026-05-01T00:00:00Z,
                6,fay,1,2026-03-01T00:00:00Z,
                """)
        #expect(report.misfits == 5)
        #expect(report.refinement?.silverRows == 1)
        let letters = try test.deadLetters()
        #expect(
            letters.map(\.reason).sorted() == [
                "amount: not a float64", "at: in the future", "at: not a timestamp; at: no event time",
                "id: not a int64",
                "user: missing",
            ])
        let originals = letters.map { String(decoding: $0.original, as: UTF8.self) }
        #expect(originals.contains { $0.contains("\"amount\":\"many\"") })
    }

    @Test("holds back rows that fail a check of severity error, and keeps them with the reason")
    func errorCheck() throws {
        let test = try repository()
        let report = try test.ingest(
            "clicks", csv: "id,user,amount,at,seen\n1,a,-1,2026-03-01T00:00:00Z,\n2,b,1,2026-03-01T00:00:00Z,\n")
        #expect(report.refinement?.silverRows == 1)
        #expect(report.refinement?.quarantined == 1)
        #expect(try test.rows("quarantine.clicks", "id, _reason, _stage") == ["1 range_amount check"])
        #expect(try test.rows("silver.clicks", "id") == ["2"])
    }

    @Test("stops at a critical check, loses nothing, and goes on once it is mended")
    func criticalCheck() throws {
        let test = try repository("critical")
        let text = "id,user,amount,at,seen\n1,a,-1,2026-03-01T00:00:00Z,\n2,b,1,2026-03-01T00:00:00Z,\n"
        let report = try test.ingest("clicks", csv: text)
        #expect(report.refinement?.criticalFailure?.code == .checkFailed)
        #expect(try test.rows("silver.clicks", "id") == [])
        #expect(try test.rows("bronze.clicks", "id") == ["1", "2"])
        #expect(try test.rows("quarantine.clicks", "id") == ["1"])
        // Repeated, it stops again and lists the bad row once.
        let again = try test.workspace.ingest("clicks", files: [], principal: test.principal)
        #expect(again.refinement?.criticalFailure != nil)
        #expect(try test.rows("quarantine.clicks", "id") == ["1"])
        try test.apply(definitions("warning"))
        let mended = try test.workspace.ingest("clicks", files: [], principal: test.principal)
        #expect(mended.refinement?.silverRows == 2)
        #expect(try test.rows("silver.clicks", "id") == ["1", "2"])
    }

    @Test(
        "refuses files that cannot be of the source, and writes nothing",
        arguments: [
            ("id,user,amount,when,seen\n1,a,1,2026-03-01T00:00:00Z,\n", "missing-column"),
            ("id,user,amount,at,seen\n1,a,1,2026-03-01T00:00:00,\n", "missing-time-zone"),
            ("id,user,amount,at,seen\n1,a,1\n2,b,2,2026-03-01T00:00:00Z,,,,\n", "invalid-input"),
        ])
    func refused(text: String, code: String) throws {
        let test = try repository()
        let error = #expect(throws: MartletError.self) { try test.ingest("clicks", csv: text) }
        #expect(error?.code.name == code)
        #expect(try test.workspace.tableSummaries().isEmpty)
    }

    @Test("refuses times that no feature could count: infinite ones and those beyond 73,000 years")
    func unboundedTimes() throws {
        let definitions = """
            entity: user
            key: user
            type: string
            ---
            source: clicks
            columns:
              user: {type: string, nullable: false}
              at: {type: timestamp, nullable: false}
              seen: timestamp
            event_time: at
            arrival_time: seen
            ---
            features: newest
            entity: user
            source: clicks
            latest: {newest_at: at}
            """
        let test = try TestRepository(definitions)
        let good = "2026-03-01 00:00:00"
        let times = [
            (good, nil), ("-infinity", good), ("infinity", good), (good, "-infinity"), (good, "infinity"),
            (good, "80000-01-01 00:00:00"), ("80000-01-01 (BC) 00:00:00", good),
        ]
        let rows = times.map { "('ann', TIMESTAMPTZ '\($0)', \($1.map { "TIMESTAMPTZ '\($0)'" } ?? "NULL"))" }
        try test.workspace.engine.connect().execute(
            "COPY (SELECT * FROM (VALUES \(rows.joined(separator: ", "))) AS r(\"user\", \"at\", seen)) "
                + "TO '\(test.path("rows.parquet"))'")
        let report = try test.workspace.ingest("clicks", files: [test.path("rows.parquet")], principal: test.principal)
        #expect(report.misfits == 6)
        #expect(report.refinement?.silverRows == 1)
        let far = "more than 73,000 years from 1970"
        #expect(
            try Set(test.deadLetters().map(\.reason))
                == ["at: \(far)", "at: in the future; at: \(far)", "seen: \(far)"])
        let found = try test.workspace.explain("newest:newest_at", entity: ["user": "ann"])
        #expect(found.value == .timestamp(Timestamp(year: 2026, month: 3, day: 1)))
    }

    @Test("takes local times by the zone's rules, where clocks are changed too")
    func changedClocks() throws {
        let test = try TestRepository(
            """
            source: clicks
            columns:
              id: {type: int64, nullable: false}
              local: {type: timestamp, format: "%Y-%m-%d %H:%M", zone: Europe/Berlin}
              at: {type: timestamp, nullable: false}
            event_time: at
            id: id
            """)
        let times: [(local: String, at: String)] = [
            ("2026-03-28 02:30", "2026-03-28T01:30:00Z"),
            // Clocks go from 02:00 to 03:00: the time does not exist.
            ("2026-03-29 02:30", "2026-03-29T01:30:00Z"), ("2026-03-29 03:30", "2026-03-29T01:30:00Z"),
            // From 03:00 back to 02:00: the time exists twice.
            ("2026-10-25 01:30", "2026-10-24T23:30:00Z"), ("2026-10-25 02:30", "2026-10-25T01:30:00Z"),
            ("2026-10-25 03:30", "2026-10-25T02:30:00Z"), ("2028-02-29 12:00", "2028-02-29T11:00:00Z"),
        ]
        // The same instants beside, with an offset, which alone tells the earlier one of two apart.
        let offsets = ["2026-03-28T00:00:00Z", "2026-03-28T02:30:00+02:00", "2026-03-28T02:30:00+01:00"]
        var rows = times.enumerated().map { "\($0),\($1.local),2026-03-28T00:00:00Z\n" }.joined()
        rows += "7,,\(offsets[1])\n8,,\(offsets[2])\n9,2026-02-29 12:00,\(offsets[0])\n"
        let report = try test.ingest("clicks", csv: "id,local,at\n" + rows)
        let expected = times.enumerated().map { index, time in
            "\(index) \(Timestamp(rfc3339: time.at)?.microseconds ?? -1)"
        }
        #expect(try test.rows("silver.clicks", "id, epoch_us(\"local\")").prefix(7) == expected[...])
        #expect(
            try test.rows("silver.clicks", "epoch_us(\"at\"), id").suffix(2)
                == ["\(1_774_657_800_000_000) 7", "\(1_774_661_400_000_000) 8"])
        // 2026 has no such day.
        #expect(report.misfits == 1)
        #expect(try test.deadLetters().map(\.reason) == ["local: not a timestamp"])
    }
}
