import MartletCore
import MartletSynth
import Testing

struct ReproducibilityTests {
    private func settings(
        _ realism: PaymentSettings.Realism = .v2, rows: Int = 6_000, seed: UInt64 = 3, threads: Int = 1
    ) -> PaymentSettings {
        PaymentSettings(rows: rows, seed: seed, realism: realism, fraudRate: 0.02, threads: threads)
    }

    @Test(
        "one, two and seven threads make the same batches in the same order",
        arguments: PaymentSettings.Realism.allCases)
    func threads(_ realism: PaymentSettings.Realism) throws {
        var files: [[RecordBatch]] = []
        for threads in [1, 2, 7] {
            let generator = try PaymentGenerator(settings: settings(realism, threads: threads), rowsPerBatch: 500)
            var batches: [RecordBatch] = []
            try generator.forEachBatch { index, batch in
                #expect(index == batches.count)
                batches.append(batch)
            }
            files.append(batches)
        }
        #expect(files[0].count == 12)
        #expect(files[1] == files[0])
        #expect(files[2] == files[0])
    }

    @Test("batches made in another order, and by another generator, are the same", arguments: 0..<3 as Range<UInt64>)
    func order(seed: UInt64) throws {
        let generator = try PaymentGenerator(settings: settings(), rowsPerBatch: 700)
        let inOrder = (0..<generator.batchCount).map(generator.batch)
        var random = SeededRandom(seed: seed)
        let again = try PaymentGenerator(settings: settings(), rowsPerBatch: 700)
        for index in (0..<again.batchCount).shuffled(using: &random) {
            #expect(again.batch(index) == inOrder[index], "batch \(index), seed \(seed)")
        }
    }

    @Test("the rows do not depend on the size of the batches", arguments: PaymentSettings.Realism.allCases)
    func batchSizes(_ realism: PaymentSettings.Realism) throws {
        let files = try [257, 1_000, 65_536].map { size in
            let generator = try PaymentGenerator(settings: settings(realism, rows: 2_000), rowsPerBatch: size)
            return concatenated((0..<generator.batchCount).map(generator.batch))
        }
        #expect(files[0].count == 2_000)
        #expect(files[1] == files[0])
        #expect(files[2] == files[0])
    }

    @Test("another seed makes other payments and other catalogues")
    func seeds() throws {
        let one = try PaymentGenerator(settings: settings(seed: 1))
        let other = try PaymentGenerator(settings: settings(seed: 2))
        #expect(one.batch(0) != other.batch(0))
        #expect(one.customers() != other.customers())
        #expect(one.merchants() != other.merchants())
        let (first, second) = (one.batch(0)["amount"], other.batch(0)["amount"])
        let equal = (0..<6_000).count { first?[$0] == second?[$0] }
        #expect(equal < 300)
    }

    @Test("an error of the taker stops the threads and comes through")
    func stops() throws {
        let generator = try PaymentGenerator(settings: settings(threads: 3), rowsPerBatch: 100)
        var taken = 0
        #expect(throws: MartletError.self) {
            try generator.forEachBatch { _, _ in
                taken += 1
                if taken == 4 { throw MartletError(.diskFull, "no room") }
            }
        }
        #expect(taken == 4)
    }

    @Test("files of no, one and a few rows are made", arguments: [0, 1, 2, 17, 256, 257])
    func small(rows: Int) throws {
        for realism in PaymentSettings.Realism.allCases {
            let generator = try PaymentGenerator(settings: settings(realism, rows: rows), rowsPerBatch: 256)
            let batches = (0..<generator.batchCount).map(generator.batch)
            #expect(batches.map(\.rowCount).reduce(0, +) == rows)
            #expect(batches.allSatisfy { $0.schema == generator.schema })
        }
    }
}

struct PaymentSettingsTests {
    struct Case: Sendable, CustomStringConvertible {
        let description: String
        let settings: PaymentSettings
        let code: MartletError.Code
    }

    static let day = Timestamp(year: 2026, month: 1, day: 1)
    static let cases = [
        Case(description: "too many rows", settings: PaymentSettings(rows: 600_000_000), code: .limitExceeded),
        Case(description: "negative rows", settings: PaymentSettings(rows: -1), code: .limitExceeded),
        Case(
            description: "the end before the start",
            settings: PaymentSettings(rows: 1, start: day, end: day - .days(3)),
            code: .invalidSettings),
        Case(
            description: "an hour", settings: PaymentSettings(rows: 1, start: day, end: day + .hours(1)),
            code: .invalidSettings),
        Case(description: "all fraud", settings: PaymentSettings(rows: 1, fraudRate: 1), code: .invalidSettings),
        Case(
            description: "a rate that is NaN", settings: PaymentSettings(rows: 1, fraudRate: .nan),
            code: .invalidSettings),
        Case(
            description: "all duplicates", settings: PaymentSettings(rows: 1, duplicateFraction: 0.9),
            code: .invalidSettings),
        Case(
            description: "a plan too large", settings: PaymentSettings(rows: 400_000_000, fraudRate: 0.1),
            code: .limitExceeded),
        Case(
            description: "fewer cards than customers", settings: PaymentSettings(rows: 1, customers: 5, cards: 4),
            code: .invalidSettings),
        Case(
            description: "too few merchants", settings: PaymentSettings(rows: 1, merchants: 3), code: .invalidSettings),
        Case(
            description: "too many terminals", settings: PaymentSettings(rows: 1, terminals: 60_000_000),
            code: .limitExceeded),
        Case(description: "no threads", settings: PaymentSettings(rows: 1, threads: 0), code: .invalidSettings),
    ]

    @Test("settings that make no sense are refused", arguments: cases)
    func refused(_ example: Case) {
        var thrown: MartletError?
        do { _ = try PaymentGenerator(settings: example.settings) } catch { thrown = error as? MartletError }
        #expect(thrown?.code == example.code)
        #expect(thrown?.fix?.isEmpty == false || example.code == .limitExceeded)
    }
}
