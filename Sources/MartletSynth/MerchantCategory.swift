/// What a merchant sells, and how it is bought.
struct MerchantCategory: Sendable {
    /// When in the day it sells.
    enum Hours: UInt8, Sendable {
        case any, day, meals, evening
    }

    enum Pricing: UInt8, Sendable {
        case any
        /// Prices that end in 99 or 49 cents.
        case shelf
        /// Multiples of ten units of the currency.
        case notes
    }

    let name: String
    /// The fraction of merchants.
    let share: Double
    /// Of the natural logarithm of the amount in units of the currency.
    let amountMean: Double
    let amountDeviation: Double
    /// The fraction of its merchants that sell online.
    let onlineShare: Double
    let hours: Hours
    let pricing: Pricing
    /// Whether stolen cards are spent here.
    let isHighValue: Bool
    /// Whether small sums are usual here, so that cards are tried out unseen.
    let isSmallSum: Bool

    private init(
        _ name: String, _ share: Double, _ mean: Double, _ deviation: Double, _ online: Double, _ hours: Hours,
        _ pricing: Pricing = .any, highValue: Bool = false, smallSum: Bool = false
    ) {
        self.name = name
        self.share = share
        amountMean = mean
        amountDeviation = deviation
        onlineShare = online
        self.hours = hours
        self.pricing = pricing
        isHighValue = highValue
        isSmallSum = smallSum
    }

    static let all: [MerchantCategory] = [
        MerchantCategory("groceries", 0.20, 3.1, 0.75, 0.08, .day),
        MerchantCategory("restaurants", 0.14, 3.3, 0.60, 0.05, .meals),
        MerchantCategory("fast_food", 0.10, 2.3, 0.45, 0.15, .meals),
        MerchantCategory("fuel", 0.06, 3.9, 0.35, 0.00, .any),
        MerchantCategory("transport", 0.06, 1.8, 0.80, 0.30, .any, smallSum: true),
        MerchantCategory("clothing", 0.08, 3.8, 0.80, 0.35, .day, .shelf),
        MerchantCategory("electronics", 0.05, 4.8, 1.00, 0.45, .day, .shelf, highValue: true),
        MerchantCategory("household", 0.06, 3.7, 0.90, 0.30, .day, .shelf),
        MerchantCategory("health", 0.05, 3.0, 0.70, 0.15, .day),
        MerchantCategory("entertainment", 0.05, 3.2, 0.60, 0.35, .evening),
        MerchantCategory("games", 0.03, 1.9, 0.80, 1.00, .evening, .shelf, smallSum: true),
        MerchantCategory("subscriptions", 0.03, 2.5, 0.45, 1.00, .any, .shelf, smallSum: true),
        MerchantCategory("hotels", 0.02, 5.1, 0.60, 0.40, .any),
        MerchantCategory("travel", 0.02, 5.2, 0.90, 0.70, .any, highValue: true),
        MerchantCategory("jewelry", 0.01, 5.3, 0.90, 0.20, .day, highValue: true),
        MerchantCategory("luxury", 0.01, 5.6, 0.80, 0.30, .day, highValue: true),
        MerchantCategory("charity", 0.01, 2.7, 0.80, 0.80, .any, smallSum: true),
        MerchantCategory("cash", 0.02, 4.4, 0.55, 0.00, .any, .notes),
    ]

    /// How likely a sale at an hour of the day is, against the busiest hour of these opening times; 0 to 1.
    static func openness(_ hours: Hours, hour: Int) -> Double {
        switch hours {
        case .any: 1
        case .day: (8...20).contains(hour) ? 1 : 0.15
        case .meals: (11...14).contains(hour) || (18...22).contains(hour) ? 1 : 0.3
        case .evening: hour >= 17 || hour <= 1 ? 1 : 0.35
        }
    }
}

// Tables for the loop over rows, by the category's index.
extension MerchantCategory {
    static let hours: [Hours] = all.map(\.hours)
    static let pricings: [Pricing] = all.map(\.pricing)
    static let cash = UInt8(all.firstIndex { $0.name == "cash" } ?? 0)
    static let highValue: [Int] = all.indices.filter { all[$0].isHighValue }
    static let smallSums: [Int] = all.indices.filter { all[$0].isSmallSum }

    /// `openness` for opening times times 24 plus hour.
    static let opennessTable: [Float] = (0..<96).map { cell in
        Hours(rawValue: UInt8(cell / 24)).map { Float(openness($0, hour: cell % 24)) } ?? 1
    }

    /// The amount in cents as the category prices it, between 10 cents and 90,000 units.
    @inline(__always)
    static func priced(_ category: Int, _ amount: Float) -> Int32 {
        let cents = Int32(min(max(amount, 10), 9_000_000))
        switch pricings[category] {
        case .any: return cents
        case .shelf: return cents < 100 ? cents : cents - cents % 50 + 49
        case .notes: return max(1_000, cents - cents % 1_000)
        }
    }
}
