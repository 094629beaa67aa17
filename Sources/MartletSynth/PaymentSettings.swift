package import MartletCore

/// What synthetic payments are made of. Two generators with equal settings give equal bytes, whatever their `threads`.
package struct PaymentSettings: Sendable, Hashable {
    package enum Realism: String, Sendable, Hashable, CaseIterable {
        /// Plain and fast: uniform choices, single fraudulent payments.
        case v1
        /// Popularity, seasons, homes and travel, and fraud that comes in episodes.
        case v2
    }

    /// Rows in all, duplicates included.
    package var rows: Int
    package var seed: UInt64
    package var realism: Realism
    /// Event and arrival times lie in `start..<end`.
    package var start: Timestamp
    package var end: Timestamp
    package var customers: Int
    /// At least one a customer.
    package var cards: Int
    package var merchants: Int
    /// At least one a merchant.
    package var terminals: Int
    /// The fraction of rows that are fraud.
    package var fraudRate: Double
    /// The fraction of rows that arrive minutes to days after their event.
    package var lateFraction: Double
    /// The fraction of rows that repeat an earlier row.
    package var duplicateFraction: Double
    /// The fraction of rows that pay an earlier payment back.
    package var refundFraction: Double
    /// The fraction of ordinary payments that are declined.
    package var declineFraction: Double
    /// For `PaymentGenerator.forEachBatch`; never changes a byte.
    package var threads: Int

    package static let maximumRows = 500_000_000
    package static let maximumFraudRate = 0.2
    package static let maximumPlannedRows = 20_000_000
    package static let maximumSpan = TimeSpan.days(20 * 366)
    package static let minimumSpan = TimeSpan.days(1)
    package static let maximumEntities = 50_000_000
    /// Every city has a merchant, and every category one that sells online.
    package static let minimumMerchants = City.all.count + MerchantCategory.all.count

    /// Counts left out scale with `rows`; the period left out is the first quarter of 2026.
    package init(
        rows: Int, seed: UInt64 = 1, realism: Realism = .v2,
        start: Timestamp = Timestamp(year: 2026, month: 1, day: 1),
        end: Timestamp = Timestamp(year: 2026, month: 4, day: 1),
        customers: Int? = nil, cards: Int? = nil, merchants: Int? = nil, terminals: Int? = nil,
        fraudRate: Double = 0.005, lateFraction: Double = 0.02, duplicateFraction: Double = 0.004,
        refundFraction: Double = 0.015, declineFraction: Double = 0.03, threads: Int = processorCount
    ) {
        self.rows = rows
        self.seed = seed
        self.realism = realism
        self.start = start
        self.end = end
        let scaledCustomers = customers ?? max(100, rows / 50)
        self.customers = scaledCustomers
        self.cards = cards ?? scaledCustomers + scaledCustomers / 4
        let scaledMerchants = merchants ?? max(Self.minimumMerchants, rows / 250)
        self.merchants = scaledMerchants
        self.terminals = terminals ?? scaledMerchants * 5 / 2
        self.fraudRate = fraudRate
        self.lateFraction = lateFraction
        self.duplicateFraction = duplicateFraction
        self.refundFraction = refundFraction
        self.declineFraction = declineFraction
        self.threads = threads
    }

    /// - Throws: `invalidSettings` for a value that makes no sense, `limitExceeded` for one beyond a limit.
    package func validate() throws {
        func require(_ condition: Bool, _ code: MartletError.Code, _ message: String, fix: String) throws {
            if !condition { throw MartletError(code, message, fix: fix) }
        }
        try require(
            rows >= 0 && rows <= Self.maximumRows, .limitExceeded, "\(rows) rows cannot be generated in one run",
            fix: "Ask for 0 to \(Self.maximumRows) rows.")
        let span = end - start
        try require(
            span >= Self.minimumSpan && span <= Self.maximumSpan, .invalidSettings,
            "the period from \(start) to \(end) is not between \(Self.minimumSpan) and \(Self.maximumSpan) long",
            fix: "Set an end at least a day after the start.")
        try require(
            (0...Self.maximumFraudRate).contains(fraudRate), .invalidSettings,
            "the fraud rate \(fraudRate) is out of range",
            fix: "Set a fraction from 0 to \(Self.maximumFraudRate), such as 0.005.")
        for (name, fraction) in [
            ("late", lateFraction), ("duplicate", duplicateFraction), ("refund", refundFraction),
            ("decline", declineFraction),
        ] {
            try require(
                (0...0.5).contains(fraction), .invalidSettings, "the \(name) fraction \(fraction) is out of range",
                fix: "Set a fraction from 0 to 0.5.")
        }
        try require(
            duplicateFraction + refundFraction <= 0.5, .invalidSettings,
            "duplicates and refunds together are more than half of the rows", fix: "Lower one of the two fractions.")
        try require(
            Double(rows) * fraudRate * 2.5 <= Double(Self.maximumPlannedRows), .limitExceeded,
            "\(rows) rows at a fraud rate of \(fraudRate) need too large a plan",
            fix: "Lower the rows or the fraud rate.")
        try require(
            customers >= 1 && cards >= customers, .invalidSettings,
            "\(cards) cards do not cover \(customers) customers",
            fix: "Set at least one customer and one card for each.")
        try require(
            merchants >= Self.minimumMerchants && terminals >= merchants, .invalidSettings,
            "\(merchants) merchants with \(terminals) terminals are too few",
            fix: "Set at least \(Self.minimumMerchants) merchants and one terminal for each.")
        try require(
            max(cards, terminals) <= Self.maximumEntities, .limitExceeded,
            "more than \(Self.maximumEntities) cards or terminals",
            fix: "Lower the counts.")
        try require(threads >= 1, .invalidSettings, "\(threads) threads", fix: "Set at least one thread.")
    }
}
