import MartletCore

/// The payments of every day: row after row a pure function of the settings and the row's number, so that any batch,
/// and any earlier row that a refund or a duplicate points to, can be made on its own.
struct OrdinaryPayments: Sendable {
    /// What a row would like to be. Whether it can is decided by the row it points to.
    private enum Role { case payment, duplicate, refund }

    private static let hour: Int64 = 3_600_000_000
    private static let pointerTrials = 4

    let catalogue: PaymentCatalogue
    let timeline: SeasonalTimeline
    /// How many there are.
    let count: Int
    private let rows: RandomStreams
    private let arrivals: RandomStreams
    private let delay: ArrivalDelay
    private let duplicateLimit: UInt64
    private let refundLimit: UInt64
    private let declineFraction: Double
    /// A duplicate follows within so many rows: two hours of them.
    private let duplicateReach: Double

    init(_ settings: PaymentSettings, catalogue: PaymentCatalogue, timeline: SeasonalTimeline, count: Int) {
        self.catalogue = catalogue
        self.timeline = timeline
        self.count = count
        rows = RandomStreams(seed: settings.seed, .rows)
        arrivals = RandomStreams(seed: settings.seed, .arrivals)
        delay = ArrivalDelay(lateFraction: settings.lateFraction)
        // Planned rows bring their own duplicates but no refunds; ordinary ones make up for those.
        duplicateLimit = UInt64(settings.duplicateFraction * 0x1p32)
        refundLimit = UInt64((settings.duplicateFraction + settings.refundFraction) * 0x1p32)
        declineFraction = settings.declineFraction
        let hours = Double(timeline.end - timeline.start) / Double(Self.hour)
        duplicateReach = max(1, Double(count) * 2 / hours)
    }

    /// When the row arrives: rising with the row.
    @inline(__always)
    func arrival(_ row: Int, near cell: inout Int) -> Int64 {
        let jitter = Double(arrivals.bits(row) >> 11) * 0x1p-53
        return timeline.time(at: (Double(row) + jitter) / Double(count), near: &cell)
    }

    /// Identities in the result are row numbers of this sequence.
    /// - Parameter cell: where in the timeline the row before was; see `SeasonalTimeline.time`.
    @inline(__always)
    func draft(_ row: Int, near cell: inout Int) -> PaymentDraft {
        var random = rows.stream(row)
        let arrival = arrival(row, near: &cell)
        switch role(&random) {
        case .payment: break
        case .duplicate:
            if let draft = duplicate(row, arrival, &random) { return draft }
        case .refund:
            if let draft = refund(row, arrival, &random) { return draft }
        }
        return payment(row, arrival, &random)
    }

    @inline(__always)
    private func role(_ random: inout SeededRandom) -> Role {
        let bits = random.next() >> 32
        return bits >= refundLimit ? .payment : bits < duplicateLimit ? .duplicate : .refund
    }

    /// - Returns: nil where the row is not a plain payment.
    @inline(never)
    private func earlierPayment(_ row: Int) -> PaymentDraft? {
        var random = rows.stream(row)
        guard role(&random) == .payment else { return nil }
        var cell = 0
        return payment(row, arrival(row, near: &cell), &random)
    }

    @inline(never)
    private func duplicate(_ row: Int, _ arrival: Int64, _ random: inout SeededRandom) -> PaymentDraft? {
        for _ in 0..<Self.pointerTrials {
            let distance = 1 + Int(duplicateReach * random.uniform() * random.uniform())
            guard distance <= row, var draft = earlierPayment(row - distance) else { continue }
            draft.arrival = arrival
            return draft
        }
        return nil
    }

    @inline(never)
    private func refund(_ row: Int, _ arrival: Int64, _ random: inout SeededRandom) -> PaymentDraft? {
        let event = delay.event(before: arrival, start: timeline.start, &random)
        for _ in 0..<Self.pointerTrials {
            let age = Self.hour + Int64(random.uniform() * random.uniform() * Double(20 * 24 * Self.hour))
            let target = Int(timeline.fraction(at: event - age) * Double(count))
            guard event - age > timeline.start, target < row, let paid = earlierPayment(target),
                paid.status == .approved, paid.channel != .atm, paid.event < event
            else { continue }
            var draft = paid
            draft.identity = row
            draft.refundOf = paid.identity
            draft.kind = .refund
            draft.status = .refunded
            if random.chance(0.2) { draft.cents = max(1, Int32(Double(paid.cents) * random.between(0.1, 0.9))) }
            draft.latitude = catalogue.latitude[Int(paid.merchant)]
            draft.longitude = catalogue.longitude[Int(paid.merchant)]
            draft.city = catalogue.merchantCity[Int(paid.merchant)]
            draft.device = 0
            draft.event = event
            draft.arrival = arrival
            return draft
        }
        return nil
    }

    @inline(__always)
    private func payment(_ row: Int, _ arrival: Int64, _ random: inout SeededRandom) -> PaymentDraft {
        var draft = PaymentDraft()
        draft.identity = row
        draft.arrival = arrival
        draft.event = delay.event(before: arrival, start: timeline.start, &random)
        switch catalogue.realism {
        case .v1: drawPlainly(&draft, &random)
        case .v2: drawRealistically(&draft, &random)
        }
        return draft
    }

    @inline(__always)
    private func drawPlainly(_ draft: inout PaymentDraft, _ random: inout SeededRandom) {
        let bits = random.next()
        let card = Int(((bits >> 32) &* UInt64(catalogue.cardCount)) >> 32)
        let merchant = Int(((bits & 0xFFFF_FFFF) &* UInt64(catalogue.merchantCount)) >> 32)
        let more = random.next()
        draft.card = Int32(card)
        draft.customer = catalogue.cardCustomer[card]
        draft.merchant = Int32(merchant)
        draft.terminal = catalogue.terminal(ofMerchant: merchant, more)
        let category = Int(catalogue.category[merchant])
        draft.cents = max(10, Int32(catalogue.amounts.draw(category, random.next())))
        draft.city = catalogue.merchantCity[merchant]
        draft.latitude = catalogue.latitude[merchant]
        draft.longitude = catalogue.longitude[merchant]
        if catalogue.isOnline[merchant] {
            draft.channel = .online
            draft.device = catalogue.device(ofCustomer: Int(draft.customer), Int(more & 1))
        } else {
            draft.channel =
                MerchantCategory.cash == catalogue.category[merchant] ? .atm : more & 2 == 0 ? .chip : .contactless
        }
        if Double(more & 0xFFFF_FFFF) < declineFraction * 0x1p32 { draft.status = .declined }
    }

    @inline(__always)
    private func drawRealistically(_ draft: inout PaymentDraft, _ random: inout SeededRandom) {
        let customer = catalogue.customerPopularity.draw(random.next())
        let habits = random.next()
        let here = catalogue.city(ofCustomer: customer, at: draft.event)
        let hour = Int((draft.event / Self.hour) % 24)
        var merchant = 0
        for _ in 0..<3 {
            merchant = chooseMerchant(customer, here, &random)
            let hours = MerchantCategory.hours[Int(catalogue.category[merchant])]
            let openness = MerchantCategory.opennessTable[Int(hours.rawValue) &* 24 &+ hour]
            if Float(random.next() >> 40) * 0x1p-24 < openness { break }
        }
        draft.customer = Int32(customer)
        draft.card = catalogue.card(ofCustomer: customer, habits)
        draft.merchant = Int32(merchant)
        draft.terminal = catalogue.terminal(ofMerchant: merchant, habits << 16)
        let category = Int(catalogue.category[merchant])
        let factor = catalogue.spendFactor[customer] * catalogue.amountFactor[merchant]
        draft.cents = MerchantCategory.priced(category, catalogue.amounts.draw(category, random.next()) * factor)
        let last = random.next()
        catalogue.setPlace(&draft, customer: customer, here: here, last)
        var declining = declineFraction
        if draft.cents > 40_000 { declining *= 3 }
        if Double(last >> 40) * 0x1p-24 < declining { draft.status = .declined }
    }

    @inline(__always)
    private func chooseMerchant(_ customer: Int, _ here: Int, _ random: inout SeededRandom) -> Int {
        let bits = random.next()
        let choice = bits & 0xFFFF
        if choice < 15_000 { return catalogue.pools.draw(catalogue.onlinePool, random.next()) }
        if here == Int(catalogue.homeCity[customer]), choice < 45_000 {
            // Two even draws, the smaller kept: the first favourites are visited most.
            let slot = min((bits >> 16) & 7, (bits >> 24) & 7)
            return catalogue.favouriteMerchant(ofCustomer: customer, Int(slot))
        }
        return catalogue.pools.draw(here, random.next())
    }
}

extension PaymentCatalogue {
    /// Mostly the customer's first card.
    @inline(__always)
    func card(ofCustomer customer: Int, _ bits: UInt64) -> Int32 {
        let first = firstCard[customer]
        let count = firstCard[customer + 1] - first
        if count == 1 || bits & 0xFF < 180 { return first }
        return first + Int32((((bits >> 8) & 0xFFFF) &* UInt64(count)) >> 16)
    }

    /// The channel, and where the payer stands: at the shop, or with a device somewhere in the city.
    @inline(__always)
    func setPlace(_ draft: inout PaymentDraft, customer: Int, here: Int, _ bits: UInt64) {
        let merchant = Int(draft.merchant)
        if isOnline[merchant] {
            draft.channel = .online
            draft.city = UInt8(here)
            let place = City.positions[here]
            draft.latitude = place.latitude + Int32(truncatingIfNeeded: (bits >> 8) & 0x7FF) - 1_024
            draft.longitude = place.longitude + Int32(truncatingIfNeeded: (bits >> 20) & 0x7FF) - 1_024
            // Now and then a borrowed or a new device.
            let slot = bits & 0xFF
            draft.device =
                slot < 3 ? deviceNumber(bits &* 0xD134_2543_DE82_EF95) : device(ofCustomer: customer, slot < 40 ? 1 : 0)
        } else {
            draft.city = merchantCity[merchant]
            draft.latitude = latitude[merchant]
            draft.longitude = longitude[merchant]
            if category[merchant] == MerchantCategory.cash {
                draft.channel = .atm
            } else {
                draft.channel = draft.cents > 5_000 || bits & 0xFF < 50 ? .chip : .contactless
            }
        }
    }
}
