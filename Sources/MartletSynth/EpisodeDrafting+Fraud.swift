import MartletCore

/// A merchant whose terminals copy cards, and since when.
struct CardLeak {
    var merchant: Int
    var from: Int64
    var victimsLeft: Int
}

/// The five kinds of fraud. The subtle ones of each kind take their time, stay near the usual amounts and places, and
/// look much like an honest customer on a busy day.
extension EpisodeDrafting {
    /// Six to thirty tiny amounts online in minutes, many declined; where the card works, it is spent.
    mutating func cardTesting(_ isSubtle: Bool) {
        let victim = victim()
        let home = Int(catalogue.homeCity[victim.customer])
        let city = random.chance(0.5) ? home : distantCity(from: home, kilometres: 300)
        let device = unknownDevice()
        var event = moment(before: Self.day)
        let shops = (0..<(1 + random.index(below: 3))).map { _ in
            merchant(in: catalogue.onlinePool, categories: MerchantCategory.smallSums)
        }
        let trials = isSubtle ? 4 + random.index(below: 5) : 6 + random.index(below: 24)
        for trial in 0..<trials {
            var draft = payment(
                victim, at: event, merchant: shops[trial % shops.count], city: city, device: device, fraud: .cardTesting
            )
            draft.cents = Int32(isSubtle ? random.between(99, 1_499) : random.between(20, 499))
            decline(&draft, isSubtle ? 0.15 : 0.45)
            append(draft)
            event += Int64(random.between(isSubtle ? 120 : 4, isSubtle ? 2_400 : 40) * 1e6)
        }
        guard random.chance(0.6) else { return }
        for _ in 0...random.index(below: 2) {
            event += Int64(random.between(2, 50)) * Self.minute
            let shop = merchant(in: catalogue.onlinePool, categories: MerchantCategory.highValue)
            var draft = payment(
                victim, at: event, merchant: shop, city: city, device: device, factor: random.between(0.6, 1.6),
                fraud: .cardTesting)
            decline(&draft, 0.3)
            append(draft)
        }
    }

    /// Two to eight high payments within hours, at categories that the customer seldom visits.
    mutating func stolenCard(_ isSubtle: Bool) {
        let victim = victim()
        let home = Int(catalogue.homeCity[victim.customer])
        let isElsewhere = random.chance(0.25)
        let city = isElsewhere ? catalogue.cityPopularity.draw(random.next()) : home
        let device = unknownDevice()
        var event = moment(before: Self.day)
        for step in 0..<(isSubtle ? 1 + random.index(below: 3) : 3 + random.index(below: 6)) {
            let pool = random.chance(0.25) ? catalogue.onlinePool : city
            let shop =
                isSubtle && random.chance(0.5)
                ? catalogue.pools.drawEvenly(pool, &random)
                : merchant(in: pool, categories: MerchantCategory.highValue)
            var draft = payment(
                victim, at: event, merchant: shop, city: city, device: device,
                factor: isSubtle ? random.between(0.8, 1.8) : random.between(1.2, 4), fraud: .stolenCard)
            decline(&draft, 0.05 + 0.05 * Double(step))
            append(draft)
            event += Int64(random.between(4, isSubtle ? 300 : 50) * Double(Self.minute))
        }
    }

    /// A new device, mostly abroad, buys high amounts online for some hours.
    mutating func accountTakeover(_ isSubtle: Bool) {
        let victim = victim()
        let home = Int(catalogue.homeCity[victim.customer])
        // The careful ones hide behind an address in the customer's own city.
        let city = isSubtle ? home : distantCity(from: home, kilometres: 500)
        let device = unknownDevice()
        var event = moment(before: Self.day)
        for _ in 0..<(2 + random.index(below: isSubtle ? 3 : 5)) {
            let shop = merchant(
                in: catalogue.onlinePool, categories: random.chance(0.75) ? MerchantCategory.highValue : [5, 7, 9, 13])
            var draft = payment(
                victim, at: event, merchant: shop, city: city, device: device,
                factor: isSubtle ? random.between(0.7, 1.6) : random.between(1.2, 3.5), fraud: .accountTakeover)
            decline(&draft, 0.1)
            append(draft)
            event += Int64(random.between(3, isSubtle ? 400 : 100) * Double(Self.minute))
        }
    }

    /// An honest visit at a leaking merchant, and days later payments elsewhere with the copied number.
    mutating func merchantCompromise(_ isSubtle: Bool) {
        var current = leak ?? newLeak()
        if current.victimsLeft == 0 { current = newLeak() }
        current.victimsLeft -= 1
        leak = current

        let victim = victim()
        let home = Int(catalogue.homeCity[victim.customer])
        let visit = current.from + Int64(random.uniform() * Double(4 * Self.day))
        append(
            payment(
                victim, at: visit, merchant: current.merchant, city: home,
                device: catalogue.device(ofCustomer: victim.customer, 0)))
        let device = unknownDevice()
        let city = random.chance(0.6) ? home : distantCity(from: home, kilometres: 300)
        var event = visit + Int64(random.between(0.5, 8) * Double(Self.day))
        for _ in 0...(1 + random.index(below: 4)) {
            let isOnline = random.chance(0.75)
            let pool = isOnline ? catalogue.onlinePool : city
            let shop =
                random.chance(isSubtle ? 0.3 : 0.7)
                ? merchant(in: pool, categories: MerchantCategory.highValue)
                : catalogue.pools.drawEvenly(pool, &random)
            var draft = payment(
                victim, at: event, merchant: shop, city: city, device: device,
                factor: isSubtle ? random.between(0.8, 1.6) : random.between(1.2, 3), fraud: .merchantCompromise)
            decline(&draft, 0.12)
            append(draft)
            event += Int64(random.between(5, 240) * Double(Self.minute))
        }
    }

    private mutating func newLeak() -> CardLeak {
        // Room for the visits and for what follows days later.
        let from = moment(before: 12 * Self.day)
        let place = catalogue.cityPopularity.draw(random.next())
        let pool = random.chance(0.3) ? catalogue.onlinePool : place
        return CardLeak(
            merchant: catalogue.pools.draw(pool, random.next()), from: from, victimsLeft: 8 + random.index(below: 20))
    }

    /// The customer pays at home; minutes later a copy of the card pays far away.
    mutating func impossibleTravel(_ isSubtle: Bool) {
        let victim = victim()
        let home = Int(catalogue.homeCity[victim.customer])
        let start = moment(before: Self.day)
        append(payment(victim, at: start, merchant: shop(in: home), city: home, device: 0))
        let city = distantCity(from: home, kilometres: isSubtle ? 700 : 1_500)
        var event = start + Int64(random.between(3, isSubtle ? 55 : 30) * Double(Self.minute))
        for _ in 0...random.index(below: 4) {
            var draft = payment(
                victim, at: event, merchant: shop(in: city), city: city, device: 0,
                factor: isSubtle ? random.between(0.8, 1.5) : random.between(1, 3), fraud: .impossibleTravel)
            decline(&draft, 0.1)
            append(draft)
            event += Int64(random.between(2, 25) * Double(Self.minute))
        }
    }

    private mutating func shop(in city: Int) -> Int { catalogue.pools.drawEvenly(city, &random) }
}
