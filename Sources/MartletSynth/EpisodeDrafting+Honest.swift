import MartletCore

/// Honest episodes that share one or two signs with fraud, so that no single sign gives it away.
extension EpisodeDrafting {
    mutating func honestEpisode() {
        switch random.index(below: 4) {
        case 0: smallPurchases()
        case 1: shoppingSpree()
        case 2: newPhone()
        default: holiday()
        }
    }

    /// An evening of games: many small sums online within an hour, from the customer's own phone.
    private mutating func smallPurchases() {
        let payer = victim()
        let home = Int(catalogue.homeCity[payer.customer])
        let shop = merchant(in: catalogue.onlinePool, categories: MerchantCategory.smallSums)
        let device = catalogue.device(ofCustomer: payer.customer, 0)
        var event = moment(before: Self.day)
        for _ in 0..<(4 + random.index(below: 14)) {
            var draft = payment(payer, at: event, merchant: shop, city: home, device: device)
            draft.cents = Int32(random.between(0, 9)) * 100 + 99
            decline(&draft, 0.06)
            append(draft)
            event += Int64(random.between(15, 500) * 1e6)
        }
    }

    /// An afternoon of high amounts in the shops at home.
    private mutating func shoppingSpree() {
        let payer = victim()
        let home = Int(catalogue.homeCity[payer.customer])
        let device = catalogue.device(ofCustomer: payer.customer, 0)
        var event = moment(before: Self.day)
        for _ in 0..<(3 + random.index(below: 5)) {
            let pool = random.chance(0.3) ? catalogue.onlinePool : home
            let shop = merchant(in: pool, categories: MerchantCategory.highValue + [5, 7])
            var draft = payment(
                payer, at: event, merchant: shop, city: home, device: device, factor: random.between(0.8, 2.8))
            decline(&draft, 0.06)
            append(draft)
            event += Int64(random.between(6, 70) * Double(Self.minute))
        }
    }

    /// A device never seen before, and it is the customer's.
    private mutating func newPhone() {
        let payer = victim()
        let home = Int(catalogue.homeCity[payer.customer])
        let device = unknownDevice()
        var event = moment(before: Self.day)
        for _ in 0..<(3 + random.index(below: 4)) {
            let shop =
                random.chance(0.4)
                ? merchant(in: catalogue.onlinePool, categories: MerchantCategory.highValue)
                : catalogue.pools.draw(catalogue.onlinePool, random.next())
            var draft = payment(
                payer, at: event, merchant: shop, city: home, device: device, factor: random.between(0.7, 1.8))
            decline(&draft, 0.06)
            append(draft)
            event += Int64(random.between(10, 600) * Double(Self.minute))
        }
    }

    /// A few days abroad: hotel, meals, presents, in shops and online.
    private mutating func holiday() {
        let payer = victim()
        let city = distantCity(from: Int(catalogue.homeCity[payer.customer]), kilometres: 300)
        let device = catalogue.device(ofCustomer: payer.customer, 0)
        var event = moment(before: 3 * Self.day)
        for _ in 0..<(4 + random.index(below: 6)) {
            let pool = random.chance(0.15) ? catalogue.onlinePool : city
            var draft = payment(
                payer, at: event, merchant: catalogue.pools.draw(pool, random.next()), city: city, device: device,
                factor: random.between(0.8, 2.2))
            decline(&draft, 0.05)
            append(draft)
            event += Int64(random.between(15, 600) * Double(Self.minute))
        }
    }
}
