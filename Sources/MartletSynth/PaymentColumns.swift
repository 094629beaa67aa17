import MartletCore

/// Rows on their way into a batch: one array a column, filled in order.
struct PaymentColumns {
    static let schema = Schema([
        Field("payment_id", .string, isNullable: false), Field("customer_id", .int64, isNullable: false),
        Field("card_id", .int64, isNullable: false), Field("merchant_id", .int64, isNullable: false),
        Field("terminal_id", .int64, isNullable: false), Field("amount", .float64, isNullable: false),
        Field("currency", .string, isNullable: false), Field("merchant_category", .string, isNullable: false),
        Field("country", .string, isNullable: false), Field("city", .string, isNullable: false),
        Field("latitude", .float64, isNullable: false), Field("longitude", .float64, isNullable: false),
        Field("channel", .string, isNullable: false), Field("device_id", .int64),
        Field("status", .string, isNullable: false), Field("kind", .string, isNullable: false),
        Field("refund_of", .string), Field("event_time", .timestamp, isNullable: false),
        Field("arrival_time", .timestamp, isNullable: false), Field("is_fraud", .bool, isNullable: false),
        Field("fraud_kind", .string, isNullable: false),
    ])

    private static let categories = Vocabulary(MerchantCategory.all.map(\.name))
    private static let currencies = Vocabulary(City.all.map(\.currency))
    private static let countries = Vocabulary(City.all.map(\.country))
    private static let cities = Vocabulary(City.all.map(\.name))
    private static let channels = Vocabulary(Channel.names)
    private static let statuses = Vocabulary(PaymentStatus.names)
    private static let kinds = Vocabulary(PaymentKind.names)
    private static let fraudKinds = Vocabulary(FraudKind.names)

    private var identities: [Int]
    private var customers: [Int64]
    private var cards: [Int64]
    private var merchants: [Int64]
    private var terminals: [Int64]
    private var amounts: [Double]
    private var currencyCities: [UInt8]
    private var categoryCodes: [UInt8]
    private var cityCodes: [UInt8]
    private var latitudes: [Double]
    private var longitudes: [Double]
    private var channelCodes: [UInt8]
    private var devices: [Int64]
    private var statusCodes: [UInt8]
    private var kindCodes: [UInt8]
    private var refundsOf: [Int]
    private var events: [Int64]
    private var arrivals: [Int64]
    private var frauds: [Bool]
    private var fraudCodes: [UInt8]

    private var count = 0

    init(rows: Int) {
        identities = [Int](repeating: 0, count: rows)
        customers = [Int64](repeating: 0, count: rows)
        cards = [Int64](repeating: 0, count: rows)
        merchants = [Int64](repeating: 0, count: rows)
        terminals = [Int64](repeating: 0, count: rows)
        amounts = [Double](repeating: 0, count: rows)
        currencyCities = [UInt8](repeating: 0, count: rows)
        categoryCodes = [UInt8](repeating: 0, count: rows)
        cityCodes = [UInt8](repeating: 0, count: rows)
        latitudes = [Double](repeating: 0, count: rows)
        longitudes = [Double](repeating: 0, count: rows)
        channelCodes = [UInt8](repeating: 0, count: rows)
        devices = [Int64](repeating: 0, count: rows)
        statusCodes = [UInt8](repeating: 0, count: rows)
        kindCodes = [UInt8](repeating: 0, count: rows)
        refundsOf = [Int](repeating: 0, count: rows)
        events = [Int64](repeating: 0, count: rows)
        arrivals = [Int64](repeating: 0, count: rows)
        frauds = [Bool](repeating: false, count: rows)
        fraudCodes = [UInt8](repeating: 0, count: rows)
    }

    /// Column after column for a few hundred rows at a time, so that each loop is tight and the drafts stay in the
    /// cache.
    /// - Parameter drafts: `identity` and `refundOf` are rows of the file.
    mutating func append(_ drafts: [PaymentDraft], _ catalogue: PaymentCatalogue) {
        let merchantCity = catalogue.merchantCity
        let category = catalogue.category
        fill(&identities, from: count, drafts) { $0.identity &+ 1 }
        fill(&customers, from: count, drafts) { Int64($0.customer) &+ 1 }
        fill(&cards, from: count, drafts) { Int64($0.card) &+ 1 }
        fill(&merchants, from: count, drafts) { Int64($0.merchant) &+ 1 }
        fill(&terminals, from: count, drafts) { Int64($0.terminal) &+ 1 }
        fill(&amounts, from: count, drafts) { Double($0.cents) / 100 }
        fill(&currencyCities, from: count, drafts) { merchantCity[Int($0.merchant)] }
        fill(&categoryCodes, from: count, drafts) { category[Int($0.merchant)] }
        fill(&cityCodes, from: count, drafts) { $0.city }
        fill(&latitudes, from: count, drafts) { Double($0.latitude) / 10_000 }
        fill(&longitudes, from: count, drafts) { Double($0.longitude) / 10_000 }
        fill(&channelCodes, from: count, drafts) { $0.channel.rawValue }
        fill(&devices, from: count, drafts) { $0.device }
        fill(&statusCodes, from: count, drafts) { $0.status.rawValue }
        fill(&kindCodes, from: count, drafts) { $0.kind.rawValue }
        fill(&refundsOf, from: count, drafts) { $0.refundOf < 0 ? -1 : $0.refundOf &+ 1 }
        fill(&events, from: count, drafts) { $0.event }
        fill(&arrivals, from: count, drafts) { $0.arrival }
        fill(&frauds, from: count, drafts) { $0.fraud != .none }
        fill(&fraudCodes, from: count, drafts) { $0.fraud.rawValue }
        count += drafts.count
    }

    /// - Precondition: every row has been filled.
    func batch() -> RecordBatch {
        precondition(count == identities.count, "a batch is taken when all its rows are there")
        return RecordBatch(
            schema: Self.schema,
            columns: [
                paymentIDColumn(identities), Column(.int64(customers)), Column(.int64(cards)),
                Column(.int64(merchants)), Column(.int64(terminals)), Column(.float64(amounts)),
                Self.currencies.column(currencyCities), Self.categories.column(categoryCodes),
                Self.countries.column(cityCodes), Self.cities.column(cityCodes), Column(.float64(latitudes)),
                Column(.float64(longitudes)), Self.channels.column(channelCodes),
                Column(.int64(devices), validity: presence(of: devices)), Self.statuses.column(statusCodes),
                Self.kinds.column(kindCodes), paymentIDColumn(refundsOf), Column(.timestamp(events)),
                Column(.timestamp(arrivals)), Column(.bool(frauds)), Self.fraudKinds.column(fraudCodes),
            ])
    }
}

/// Zero stands for null.
private func presence(of numbers: [Int64]) -> Bitmap? {
    var words = [UInt64](repeating: 0, count: (numbers.count + 63) >> 6)
    for row in numbers.indices where numbers[row] != 0 { words[row >> 6] |= 1 &<< UInt64(row & 63) }
    let bitmap = Bitmap(words: words, count: numbers.count)
    return bitmap.allSet ? nil : bitmap
}

/// One field of the drafts into a column, from `start` on.
@inline(__always)
private func fill<Element>(
    _ column: inout [Element], from start: Int, _ drafts: [PaymentDraft], _ field: (borrowing PaymentDraft) -> Element
) {
    precondition(start + drafts.count <= column.count, "the drafts fit into the column")
    column.withUnsafeMutableBufferPointer { column in
        drafts.withUnsafeBufferPointer { drafts in
            for index in drafts.indices { column[start &+ index] = field(drafts[index]) }
        }
    }
}
