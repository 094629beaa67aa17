import Glibc
import MartletCore
import MartletSynth
import Testing

func logarithm(_ value: Double) -> Double { log(value) }

struct FraudTests {
    private static let minute: Int64 = 60_000_000
    private static let hour = 60 * minute

    /// Kilometres, by the law of cosines: not the formula of the generator.
    private func distance(_ a: Payment, _ b: Payment) -> Double {
        let radians = Double.pi / 180
        let cosine =
            sin(a.latitude * radians) * sin(b.latitude * radians)
            + cos(a.latitude * radians) * cos(b.latitude * radians) * cos((a.longitude - b.longitude) * radians)
        return 6_371 * acos(min(1, cosine))
    }

    /// Every payment of the kind (honest ones for `none`, one in fifty), with the card's earlier payments of nine days.
    private func histories(_ kind: FraudKind) throws -> [(payment: Payment, before: [Payment])] {
        let payments = try PaymentFile.sample(.v2).byEvent
        // Indices, as an array of whole rows for each card would be copied again and again.
        var cards: [Int64: [Int]] = [:]
        var found: [(Payment, [Payment])] = []
        for (index, payment) in payments.enumerated() {
            if payment.fraudKind == kind.name, kind != .none || payment.row % 50 == 0 {
                let before = (cards[payment.card] ?? []).map { payments[$0] }
                found.append((payment, before.filter { $0.event >= payment.event - 9 * 24 * Self.hour }))
            }
            cards[payment.card, default: []].append(index)
        }
        return found
    }

    @Test("card testing is many tiny amounts within the hour, often declined")
    func cardTesting() throws {
        func inLastHour(_ history: (payment: Payment, before: [Payment])) -> Double {
            Double(history.before.count { $0.event >= history.payment.event - Self.hour })
        }
        let fraud = try histories(.cardTesting)
        let honest = try histories(.none)
        #expect(median(fraud.map(inLastHour)) >= 4)
        #expect(median(honest.map(inLastHour)) == 0)
        #expect(median(fraud.map { $0.payment.amount }) < 8)
        let declined = Double(fraud.count { $0.payment.status == "declined" }) / Double(fraud.count)
        #expect(declined > 0.2)
    }

    @Test("a stolen card is spent on high amounts at categories its owner seldom visits")
    func stolenCard() throws {
        let fraud = try histories(.stolenCard)
        let honest = try histories(.none)
        let usual = median(honest.map { $0.payment.amount })
        #expect(median(fraud.map { $0.payment.amount }) > usual * 4)
        let rare: Set = ["electronics", "jewelry", "luxury", "travel"]
        let fraudShare = Double(fraud.count { rare.contains($0.payment.category) }) / Double(fraud.count)
        let honestShare = Double(honest.count { rare.contains($0.payment.category) }) / Double(honest.count)
        #expect(fraudShare > 0.5 && honestShare < 0.25, "\(fraudShare) against \(honestShare)")
    }

    @Test("an account is taken over by a device never seen before, mostly from another country, for high amounts")
    func accountTakeover() throws {
        let file = try PaymentFile.sample(.v2)
        let homes = file.generator.customers()["home_country"]
        var known: [Int64: Set<Int64>] = [:]
        for payment in file.payments where !payment.isFraud {
            if let device = payment.device { known[payment.customer, default: []].insert(device) }
        }
        let fraud = try histories(.accountTakeover).map(\.payment)
        #expect(
            fraud.allSatisfy {
                $0.device.map { [customer = $0.customer] in known[customer]?.contains($0) != true } == true
            })
        let abroad = fraud.count { homes?[Int($0.customer - 1)] != .string($0.country) }
        #expect(Double(abroad) > 0.4 * Double(fraud.count))
        #expect(median(fraud.map(\.amount)) > 4 * median(try histories(.none).map { $0.payment.amount }))
    }

    @Test("the victims of a compromised merchant have all paid there days before")
    func merchantCompromise() throws {
        // Each victim's merchants in the nine days before the first fraud; a leak is a merchant that many victims
        // share.
        var victims: Set<Int64> = []
        var visits: [Int64: Int] = [:]
        for (payment, before) in try histories(.merchantCompromise)
        where victims.insert(payment.card).inserted {
            for merchant in Set(before.filter { !$0.isFraud }.map(\.merchant)) { visits[merchant, default: 0] += 1 }
        }
        let top = visits.values.sorted(by: >).prefix(3).reduce(0, +)
        // Against as many honest cards at honest moments.
        var chance: [Int64: Int] = [:]
        var cards: Set<Int64> = []
        for (payment, before) in try histories(.none)
        where cards.count < victims.count && cards.insert(payment.card).inserted {
            for merchant in Set(before.map(\.merchant)) { chance[merchant, default: 0] += 1 }
        }
        let usual = chance.values.sorted(by: >).prefix(3).reduce(0, +)
        #expect(victims.count >= 15)
        #expect(top > victims.count / 3, "\(top) of \(victims.count) victims, \(usual) by chance")
        #expect(top > usual)
    }

    @Test("a copied card pays farther away than anyone can travel in the time")
    func impossibleTravel() throws {
        func isImpossible(_ history: (payment: Payment, before: [Payment])) -> Bool {
            history.before.suffix(6).contains { other in
                other.channel != "online"
                    && distance(history.payment, other)
                        / (Double(history.payment.event - other.event) / Double(Self.hour)) > 900
            }
        }
        let fraud = try histories(.impossibleTravel).filter { $0.payment.channel != "online" }
        let honest = try histories(.none).filter { $0.payment.channel != "online" }
        #expect(Double(fraud.count(where: isImpossible)) > 0.9 * Double(fraud.count))
        #expect(Double(honest.count(where: isImpossible)) < 0.02 * Double(honest.count))
    }

    @Test("no single amount, hour or category gives fraud away")
    func notTrivial() throws {
        let payments = try PaymentFile.sample(.v2).payments
        for category in Set(payments.map(\.category)) {
            let rows = payments.filter { $0.category == category }
            #expect(Double(rows.count { $0.isFraud }) < 0.1 * Double(rows.count), "\(category)")
        }
        for limit in stride(from: 100.0, through: 3_000, by: 100) {
            let rows = payments.filter { $0.amount > limit }
            #expect(Double(rows.count { $0.isFraud }) < 0.5 * Double(rows.count), "above \(limit)")
        }
    }

    @Test("honest payments that look like fraud are there: bursts, sprees and unknown devices")
    func lookalikes() throws {
        let honest = try PaymentFile.sample(.v2).byEvent.filter { !$0.isFraud }
        var cards: [Int64: [Payment]] = [:]
        var bursts = 0
        for payment in honest {
            let recent = (cards[payment.card] ?? []).suffix(4)
            if recent.count == 4, recent.allSatisfy({ $0.event > payment.event - Self.hour && $0.amount < 10 }) {
                bursts += 1
            }
            cards[payment.card, default: []].append(payment)
        }
        #expect(bursts > 50)
    }
}
