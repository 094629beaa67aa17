/// The kinds of labelled fraud; `none` is an honest payment. The raw value indexes `names`.
package enum FraudKind: UInt8, Sendable, Hashable, CaseIterable {
    case none
    /// Many tiny amounts within minutes, to see whether a card works.
    case cardTesting
    /// Sudden spending of high amounts at unusual categories.
    case stolenCard
    /// A new device at a new place spends high amounts.
    case accountTakeover
    /// Cards used at one merchant are defrauded elsewhere days later.
    case merchantCompromise
    /// A copy of the card pays in a distant place within minutes.
    case impossibleTravel

    /// As the column `fraud_kind` writes it.
    package var name: String { Self.names[Int(rawValue)] }

    static let names = [
        "none", "card_testing", "stolen_card", "account_takeover", "merchant_compromise", "impossible_travel",
    ]
}

enum Channel: UInt8, Sendable {
    case chip, contactless, online, atm
    static let names = ["chip", "contactless", "online", "atm"]
}

enum PaymentStatus: UInt8, Sendable {
    case approved, declined, refunded
    static let names = ["approved", "declined", "refunded"]
}

enum PaymentKind: UInt8, Sendable {
    case payment, refund
    static let names = ["payment", "refund"]
}

/// One row before it is written into columns; entities are indices into the catalogue.
struct PaymentDraft: Sendable {
    /// The row that first carried this payment's id. A planned row holds its place in the plan until positions are
    /// known.
    var identity = 0
    var customer: Int32 = 0
    var card: Int32 = 0
    var merchant: Int32 = 0
    var terminal: Int32 = 0
    var cents: Int32 = 0
    /// In ten-thousandths of a degree.
    var latitude: Int32 = 0
    var longitude: Int32 = 0
    var city: UInt8 = 0
    var channel = Channel.chip
    var status = PaymentStatus.approved
    var kind = PaymentKind.payment
    var fraud = FraudKind.none
    /// 0 where the channel has no device.
    var device: Int64 = 0
    /// The `identity` of the payment paid back; -1 for payments.
    var refundOf = -1
    var event: Int64 = 0
    var arrival: Int64 = 0
}
