import MartletCore

/// Draws episodes until the fraud that the settings ask for is there, to the row.
struct EpisodeDrafting {
    static let minute: Int64 = 60_000_000
    static let hour: Int64 = 60 * minute
    static let day: Int64 = 24 * hour

    let catalogue: PaymentCatalogue
    let timeline: SeasonalTimeline
    let delay: ArrivalDelay
    let duplicateFraction: Double
    /// Payments and their duplicates; see `EpisodePlan`.
    private(set) var drafts: [PaymentDraft] = []
    private(set) var fraudRows = 0
    private let fraudTarget: Int
    private var fraudByKind = [Int](repeating: 0, count: FraudKind.allCases.count)
    /// Where cards are being copied; see `merchantCompromise`.
    var leak: CardLeak?
    var random: SeededRandom

    /// How the fraud is shared out among its kinds.
    private static let shares: [(FraudKind, Double)] = [
        (.cardTesting, 0.28), (.stolenCard, 0.24), (.accountTakeover, 0.18), (.merchantCompromise, 0.18),
        (.impossibleTravel, 0.12),
    ]

    init(_ settings: PaymentSettings, catalogue: PaymentCatalogue, timeline: SeasonalTimeline) {
        self.catalogue = catalogue
        self.timeline = timeline
        delay = ArrivalDelay(lateFraction: settings.lateFraction)
        duplicateFraction = settings.duplicateFraction
        fraudTarget = Int((Double(settings.rows) * settings.fraudRate).rounded())
        random = RandomStreams(seed: settings.seed, .episodes).stream(0)
        // The honest rows of the plan are about as many as the fraud; the reserve avoids copying a large array.
        drafts.reserveCapacity(fraudTarget * 5 / 2)
    }

    /// - Returns: no more than `maximum` rows.
    mutating func draw(maximum: Int) -> [PaymentDraft] {
        while fraudRows < fraudTarget, drafts.count < maximum {
            // The kind that is furthest behind its share is next, so that all are there however few the rows.
            let next = Self.shares.max { behind($0) < behind($1) }
            let kind = next?.0 ?? .stolenCard
            let before = fraudRows
            if catalogue.realism == .v1 {
                singlePayment(kind)
            } else {
                episode(kind)
                if random.chance(0.55) { honestEpisode() }
            }
            fraudByKind[Int(kind.rawValue)] += fraudRows - before
        }
        return Array(drafts.prefix(maximum))
    }

    private func behind(_ share: (kind: FraudKind, share: Double)) -> Double {
        share.share * Double(fraudRows + 1) - Double(fraudByKind[Int(share.kind.rawValue)])
    }

    private mutating func episode(_ kind: FraudKind) {
        // A good part of the fraudsters know what detectors look for.
        let isSubtle = random.chance(0.4)
        switch kind {
        case .none: break
        case .cardTesting: cardTesting(isSubtle)
        case .stolenCard: stolenCard(isSubtle)
        case .accountTakeover: accountTakeover(isSubtle)
        case .merchantCompromise: merchantCompromise(isSubtle)
        case .impossibleTravel: impossibleTravel(isSubtle)
        }
    }

    /// Appends a payment, and now and then its duplicate. Payments outside the period and fraud beyond the target are
    /// left out.
    mutating func append(_ payment: PaymentDraft) {
        guard payment.event >= timeline.start, payment.event < timeline.end else { return }
        let isFraud = payment.fraud != .none
        if isFraud, fraudRows == fraudTarget { return }
        var draft = payment
        draft.identity = drafts.count
        draft.arrival = min(draft.event + delay.draw(&random), timeline.end - 1)
        drafts.append(draft)
        if isFraud { fraudRows += 1 }
        guard random.chance(duplicateFraction), !isFraud || fraudRows < fraudTarget else { return }
        let again = random.between(1_000_000, 7_200_000_000)
        draft.arrival = min(draft.arrival + Int64(again), timeline.end - 1)
        drafts.append(draft)
        if isFraud { fraudRows += 1 }
    }
}

extension EpisodeDrafting {
    /// A moment for an episode to start, early enough that most of it fits. Fraud sleeps less than its victims.
    mutating func moment(before margin: Int64) -> Int64 {
        let length = timeline.end - timeline.start
        let last = timeline.end - min(margin, length / 4)
        let moment =
            random.chance(0.6)
            ? timeline.time(at: random.uniform())
            : timeline.start + Int64(random.uniform() * Double(length))
        return min(moment, last - Int64(random.uniform() * Double(length / 50)))
    }

    /// Half of the victims are those who pay most, half are anyone.
    mutating func victim() -> (customer: Int, card: Int32) {
        if random.chance(0.5) {
            let card = random.index(below: catalogue.cardCount)
            return (Int(catalogue.cardCustomer[card]), Int32(card))
        }
        let customer = catalogue.customerPopularity.draw(random.next())
        return (customer, catalogue.card(ofCustomer: customer, random.next()))
    }

    /// A merchant of one of the categories out of a pool, or, where the pool has none to offer, any of it.
    mutating func merchant(in pool: Int, categories: [Int]) -> Int {
        var merchant = 0
        for _ in 0..<24 {
            merchant = catalogue.pools.drawEvenly(pool, &random)
            if categories.contains(Int(catalogue.category[merchant])) { break }
        }
        return merchant
    }

    /// A payment as the customer would make it there, `factor` times as high. The payer stands at the shop, or in
    /// `city` with `device`.
    mutating func payment(
        _ victim: (customer: Int, card: Int32), at event: Int64, merchant: Int, city: Int, device: Int64,
        factor: Double = 1, fraud: FraudKind = .none
    ) -> PaymentDraft {
        var draft = PaymentDraft()
        draft.customer = Int32(victim.customer)
        draft.card = victim.card
        draft.merchant = Int32(merchant)
        draft.terminal = catalogue.terminal(ofMerchant: merchant, random.next())
        let category = Int(catalogue.category[merchant])
        let usual = catalogue.amounts.draw(category, random.next()) * catalogue.amountFactor[merchant]
        draft.cents = MerchantCategory.priced(
            category, usual * catalogue.spendFactor[victim.customer] * Float(factor))
        catalogue.setPlace(&draft, customer: victim.customer, here: city, random.next())
        if draft.channel == .online { draft.device = device }
        draft.fraud = fraud
        draft.event = event
        return draft
    }

    mutating func decline(_ draft: inout PaymentDraft, _ probability: Double) {
        if random.chance(probability) { draft.status = .declined }
    }

    mutating func unknownDevice() -> Int64 { deviceNumber(random.next()) }

    /// A city in another country, at least so far away.
    mutating func distantCity(from city: Int, kilometres: Double) -> Int {
        var other = city
        for _ in 0..<64 {
            other =
                random.chance(0.5) ? random.index(below: City.all.count) : catalogue.cityPopularity.draw(random.next())
            if City.all[other].country != City.all[city].country,
                City.distanceKilometres(city, other) >= kilometres
            {
                break
            }
        }
        return other
    }

    /// v1: one payment, about four times as high as usual.
    mutating func singlePayment(_ kind: FraudKind) {
        let victim = victim()
        let merchant = random.index(below: catalogue.merchantCount)
        append(
            payment(
                victim, at: moment(before: 0), merchant: merchant, city: Int(catalogue.merchantCity[merchant]),
                device: unknownDevice(), factor: random.between(1, 7), fraud: kind))
    }
}
