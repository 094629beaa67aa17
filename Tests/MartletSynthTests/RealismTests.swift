import MartletCore
import MartletSynth
import Testing

struct RealismTests {
    /// The slope of log(count) over log(rank + offset), by least squares.
    private func slope(_ counts: [Int], offset: Double, ranks: Range<Int>) -> Double {
        let sorted = counts.sorted(by: >)
        let points = ranks.map { (x: logarithm(Double($0 + 1) + offset), y: logarithm(Double(sorted[$0]))) }
        let meanX = points.reduce(0) { $0 + $1.x } / Double(points.count)
        let meanY = points.reduce(0) { $0 + $1.y } / Double(points.count)
        let above = points.reduce(0) { $0 + ($1.x - meanX) * ($1.y - meanY) }
        return above / points.reduce(0) { $0 + ($1.x - meanX) * ($1.x - meanX) }
    }

    private func counts(_ file: PaymentFile, _ key: (Payment) -> Int64) -> [Int] {
        var counts: [Int64: Int] = [:]
        for payment in file.payments { counts[key(payment), default: 0] += 1 }
        return Array(counts.values)
    }

    @Test("customers pay by Zipf's law in v2, and by the number of their cards alone in v1")
    func customers() throws {
        let realistic = try PaymentFile.sample(.v2)
        let customers = realistic.generator.settings.customers
        let steep = slope(
            counts(realistic) { $0.customer }, offset: Double(customers) * 0.01, ranks: 10..<(customers / 3))
        #expect(steep < -0.8 && steep > -1.0, "slope \(steep)")
        let plain = counts(try PaymentFile.sample(.v1)) { $0.customer }
        #expect(slope(plain, offset: 20, ranks: 10..<(customers / 3)) > -0.5)
    }

    @Test("a few merchants sell most in v2")
    func merchants() throws {
        func topShare(_ realism: PaymentSettings.Realism) throws -> Double {
            let file = try PaymentFile.sample(realism)
            let sorted = counts(file) { $0.merchant }.sorted(by: >)
            return Double(sorted.prefix(sorted.count / 20).reduce(0, +)) / Double(file.payments.count)
        }
        #expect(try topShare(.v2) > 0.3)
        #expect(try topShare(.v1) < 0.1)
    }

    @Test("hours, weekdays and pay-days have their seasons in v2 and none in v1")
    func seasons() throws {
        let summary = try PaymentFile.sample(.v2).summary
        let hours = summary.hourSeasonality
        #expect(hours[18] > 1.7 && hours[12] > 1.5 && hours[3] < 0.12)
        let weekdays = summary.weekdaySeasonality
        #expect(weekdays[5] > 1.1 && weekdays[6] < 0.9 && weekdays[4] > weekdays[0])
        #expect(summary.payDayUplift > 1.3 && summary.payDayUplift < 1.6)
        let plain = try PaymentFile.sample(.v1).summary
        #expect(plain.hourSeasonality.allSatisfy { abs($0 - 1) < 0.1 })
        #expect(plain.weekdaySeasonality.allSatisfy { abs($0 - 1) < 0.1 })
        #expect(abs(plain.payDayUplift - 1) < 0.05)
    }

    @Test("customers pay mostly in the city they live in, and travel for a week at a time")
    func homes() throws {
        let file = try PaymentFile.sample(.v2)
        let customers = file.generator.customers()
        guard let homes = customers["home_city"] else { return }
        var away: [Int64: Set<Int64>] = [:]
        var atHome = 0
        var inShops = 0
        for payment in file.payments where !payment.isFraud && payment.channel != "online" {
            inShops += 1
            if homes[Int(payment.customer - 1)] == .string(payment.city) {
                atHome += 1
            } else {
                away[payment.customer, default: []].insert(payment.event / 604_800_000_000)
            }
        }
        let share = Double(atHome) / Double(inShops)
        #expect(share > 0.88 && share < 0.97, "\(share) at home")
        #expect(away.count > file.generator.settings.customers / 5)
    }

    @Test("amounts follow their category")
    func amounts() throws {
        let file = try PaymentFile.sample(.v2)
        func typical(_ category: String) -> Double {
            median(file.payments.filter { $0.category == category && !$0.isFraud }.map(\.amount))
        }
        #expect(typical("fast_food") < typical("groceries"))
        #expect(typical("groceries") < typical("fuel"))
        #expect(typical("fuel") < typical("hotels"))
        #expect(file.payments.allSatisfy { $0.amount > 0 && ($0.amount * 100).rounded() / 100 == $0.amount })
        #expect(
            file.payments.filter { $0.category == "cash" && !$0.isFraud && $0.kind == "payment" }.allSatisfy {
                $0.channel == "atm" && $0.amount.truncatingRemainder(dividingBy: 10) == 0
            })
    }

    @Test("online payments have a device, the others have none, and a customer's devices are few")
    func devices() throws {
        let file = try PaymentFile.sample(.v2)
        var devices: [Int64: Set<Int64>] = [:]
        #expect(file.payments.allSatisfy { ($0.device != nil) == ($0.channel == "online" && $0.kind == "payment") })
        for payment in file.payments where payment.kind == "payment" {
            if let device = payment.device, !payment.isFraud { devices[payment.customer, default: []].insert(device) }
        }
        #expect(median(devices.values.map { Double($0.count) }) <= 3)
    }

    @Test("catalogues cover every id of the payments", arguments: PaymentSettings.Realism.allCases)
    func catalogues(_ realism: PaymentSettings.Realism) throws {
        let file = try PaymentFile.sample(realism)
        let generator = file.generator
        let (customers, cards) = (generator.customers(), generator.cards())
        let (merchants, terminals) = (generator.merchants(), generator.terminals())
        #expect(customers.rowCount == generator.settings.customers && cards.rowCount == generator.settings.cards)
        #expect(merchants.rowCount == generator.settings.merchants)
        #expect(terminals.rowCount == generator.settings.terminals)
        guard case .int64(let owners)? = cards["customer_id"]?.values,
            case .int64(let shops)? = terminals["merchant_id"]?.values,
            let categories = merchants["category"], case .timestamp(let opened)? = merchants["opened_at"]?.values,
            case .timestamp(let issued)? = cards["issued_at"]?.values
        else {
            Issue.record("a catalogue has other columns")
            return
        }
        #expect(file.payments.allSatisfy { owners[Int($0.card - 1)] == $0.customer })
        #expect(file.payments.allSatisfy { shops[Int($0.terminal - 1)] == $0.merchant })
        #expect(file.payments.prefix(1_000).allSatisfy { categories[Int($0.merchant - 1)] == .string($0.category) })
        let start = generator.settings.start.microseconds
        #expect(opened.allSatisfy { $0 < start } && issued.allSatisfy { $0 < start })
        #expect(Set(owners).count == customers.rowCount && Set(shops).count == merchants.rowCount)
    }
}
