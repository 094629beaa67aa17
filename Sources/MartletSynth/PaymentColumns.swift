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

    private var identities: [Int] = []
    private var customers: [Int64] = []
    private var cards: [Int64] = []
    private var merchants: [Int64] = []
    private var terminals: [Int64] = []
    private var amounts: [Double] = []
    private var currencyCities: [UInt8] = []
    private var categoryCodes: [UInt8] = []
    private var cityCodes: [UInt8] = []
    private var latitudes: [Double] = []
    private var longitudes: [Double] = []
    private var channelCodes: [UInt8] = []
    private var devices: [Int64] = []
    private var statusCodes: [UInt8] = []
    private var kindCodes: [UInt8] = []
    private var refundsOf: [Int] = []
    private var events: [Int64] = []
    private var arrivals: [Int64] = []
    private var frauds: [Bool] = []
    private var fraudCodes: [UInt8] = []

    init(capacity: Int) {
        identities.reserveCapacity(capacity)
        customers.reserveCapacity(capacity)
        cards.reserveCapacity(capacity)
        merchants.reserveCapacity(capacity)
        terminals.reserveCapacity(capacity)
        amounts.reserveCapacity(capacity)
        currencyCities.reserveCapacity(capacity)
        categoryCodes.reserveCapacity(capacity)
        cityCodes.reserveCapacity(capacity)
        latitudes.reserveCapacity(capacity)
        longitudes.reserveCapacity(capacity)
        channelCodes.reserveCapacity(capacity)
        devices.reserveCapacity(capacity)
        statusCodes.reserveCapacity(capacity)
        kindCodes.reserveCapacity(capacity)
        refundsOf.reserveCapacity(capacity)
        events.reserveCapacity(capacity)
        arrivals.reserveCapacity(capacity)
        frauds.reserveCapacity(capacity)
        fraudCodes.reserveCapacity(capacity)
    }

    /// - Parameter draft: `identity` and `refundOf` are rows of the file.
    @inline(__always)
    mutating func append(_ draft: PaymentDraft, _ catalogue: PaymentCatalogue) {
        let merchant = Int(draft.merchant)
        identities.append(draft.identity &+ 1)
        customers.append(Int64(draft.customer) &+ 1)
        cards.append(Int64(draft.card) &+ 1)
        merchants.append(Int64(merchant) &+ 1)
        terminals.append(Int64(draft.terminal) &+ 1)
        amounts.append(Double(draft.cents) / 100)
        currencyCities.append(catalogue.merchantCity[merchant])
        categoryCodes.append(catalogue.category[merchant])
        cityCodes.append(draft.city)
        latitudes.append(Double(draft.latitude) / 10_000)
        longitudes.append(Double(draft.longitude) / 10_000)
        channelCodes.append(draft.channel.rawValue)
        devices.append(draft.device)
        statusCodes.append(draft.status.rawValue)
        kindCodes.append(draft.kind.rawValue)
        refundsOf.append(draft.refundOf < 0 ? -1 : draft.refundOf &+ 1)
        events.append(draft.event)
        arrivals.append(draft.arrival)
        frauds.append(draft.fraud != .none)
        fraudCodes.append(draft.fraud.rawValue)
    }

    func batch() -> RecordBatch {
        RecordBatch(
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
