import MartletCore
import MartletSynth

/// One row, as a reader of the file sees it. A class, as tests copy rows by the hundred thousand.
final class Payment: Sendable {
    let row: Int
    let id: String
    let customer: Int64
    let card: Int64
    let merchant: Int64
    let terminal: Int64
    let amount: Double
    let category: String
    let country: String
    let city: String
    let latitude: Double
    let longitude: Double
    let channel: String
    let device: Int64?
    let status: String
    let kind: String
    let refundOf: String?
    let event: Int64
    let arrival: Int64
    let isFraud: Bool
    let fraudKind: String

    init(
        row: Int, id: String, customer: Int64, card: Int64, merchant: Int64, terminal: Int64, amount: Double,
        category: String, country: String, city: String, latitude: Double, longitude: Double, channel: String,
        device: Int64?, status: String, kind: String, refundOf: String?, event: Int64, arrival: Int64, isFraud: Bool,
        fraudKind: String
    ) {
        self.row = row
        self.id = id
        self.customer = customer
        self.card = card
        self.merchant = merchant
        self.terminal = terminal
        self.amount = amount
        self.category = category
        self.country = country
        self.city = city
        self.latitude = latitude
        self.longitude = longitude
        self.channel = channel
        self.device = device
        self.status = status
        self.kind = kind
        self.refundOf = refundOf
        self.event = event
        self.arrival = arrival
        self.isFraud = isFraud
        self.fraudKind = fraudKind
    }
}

/// All rows of a file, and what most tests ask of them.
struct PaymentFile: Sendable {
    let generator: PaymentGenerator
    let payments: [Payment]
    let summary: PaymentSummary
    /// Rows that are no duplicates, and no refunds, in the order of their events.
    let byEvent: [Payment]

    init(_ settings: PaymentSettings) throws {
        generator = try PaymentGenerator(settings: settings)
        var payments: [Payment] = []
        var summary = PaymentSummary()
        let perBatch = generator.rowsPerBatch
        try generator.forEachBatch { index, batch in
            summary.add(batch, firstRow: index * perBatch)
            payments.append(contentsOf: Self.rows(batch, firstRow: payments.count))
        }
        self.payments = payments
        self.summary = summary
        var seen: Set<String> = []
        byEvent = payments.filter { $0.kind == "payment" && seen.insert($0.id).inserted }
            .sorted { ($0.event, $0.row) < ($1.event, $1.row) }
    }

    private static func rows(_ batch: RecordBatch, firstRow: Int) -> [Payment] {
        func integers(_ name: String) -> [Int64] {
            switch batch[name]?.values {
            case .int64(let array)?, .timestamp(let array)?: array
            default: []
            }
        }
        func numbers(_ name: String) -> [Double] {
            if case .float64(let array)? = batch[name]?.values { array } else { [] }
        }
        func texts(_ name: String) -> [String?] {
            guard let column = batch[name], case .string(let strings) = column.values else { return [] }
            return (0..<strings.count).map { column.isNull($0) ? nil : strings[$0] }
        }
        guard case .bool(let frauds)? = batch["is_fraud"]?.values, let devices = batch["device_id"] else { return [] }
        let (customers, cards, merchants) = (integers("customer_id"), integers("card_id"), integers("merchant_id"))
        let (terminals, device) = (integers("terminal_id"), integers("device_id"))
        let (events, arrivals, amounts) = (integers("event_time"), integers("arrival_time"), numbers("amount"))
        let (latitudes, longitudes) = (numbers("latitude"), numbers("longitude"))
        let (ids, categories, countries) = (texts("payment_id"), texts("merchant_category"), texts("country"))
        let (cities, channels, statuses) = (texts("city"), texts("channel"), texts("status"))
        let (kinds, refunds, fraudKinds) = (texts("kind"), texts("refund_of"), texts("fraud_kind"))
        return (0..<batch.rowCount).map { row in
            Payment(
                row: firstRow + row, id: ids[row] ?? "", customer: customers[row], card: cards[row],
                merchant: merchants[row], terminal: terminals[row], amount: amounts[row],
                category: categories[row] ?? "", country: countries[row] ?? "", city: cities[row] ?? "",
                latitude: latitudes[row], longitude: longitudes[row], channel: channels[row] ?? "",
                device: devices.isNull(row) ? nil : device[row], status: statuses[row] ?? "", kind: kinds[row] ?? "",
                refundOf: refunds[row], event: events[row], arrival: arrivals[row], isFraud: frauds[row],
                fraudKind: fraudKinds[row] ?? "")
        }
    }

    /// Made once for all tests that only read.
    static let realistic = Result { try PaymentFile(PaymentSettings(rows: 120_000, seed: 42, threads: 2)) }
    static let plain = Result { try PaymentFile(PaymentSettings(rows: 50_000, seed: 42, realism: .v1, threads: 2)) }

    static func sample(_ realism: PaymentSettings.Realism) throws -> PaymentFile {
        try (realism == .v1 ? plain : realistic).get()
    }
}

func median(_ values: [Double]) -> Double {
    values.isEmpty ? .nan : values.sorted()[values.count / 2]
}

/// All batches as one, column by column.
func concatenated(_ batches: [RecordBatch]) -> [String] {
    batches.flatMap { batch in
        (0..<batch.rowCount).map { row in batch.columns.map { $0[row].description }.joined(separator: "|") }
    }
}
