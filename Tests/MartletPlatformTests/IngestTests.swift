import MartletCore
import MartletPlatform
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
    @Test("lands rows with their arrival and position, and drops duplicates by arrival")
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
        #expect(report.refinement?.duplicates == 1)
        let expected = ["1 1.5 2", "2 1"]
        #expect(try test.rows("silver.clicks", "id, amount, _position") == expected)
        #expect(try test.rows("bronze.clicks", "_position") == ["0", "1", "2"])
        // Without an arrival time of its own, a row arrived when it was ingested.
        let arrivals = try test.rows("silver.clicks", "id, epoch_us(_arrival_time)")
        #expect(arrivals == ["1 1772323205000000", "2 \(TestRepository.now.microseconds)"])
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
        #expect(try test.rows("quarantine.clicks", "_reason") == ["amount: not a float64"])
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
        #expect(more.refinement?.duplicates == 1)
        #expect(more.refinement?.silverRows == 1)
        #expect(try test.rows("silver.clicks", "id, _position") == ["1 0", "2 2"])
    }

    @Test("quarantines what does not fit, with the reason and the row as it was")
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
        let reasons = try test.rows("quarantine.clicks", "_reason")
        #expect(
            reasons == [
                "amount: not a float64", "at: in the future", "at: not a timestamp; at: no event time",
                "id: not a int64",
                "user: missing",
            ])
        let originals = try test.rows("quarantine.clicks", "_original")
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
}
