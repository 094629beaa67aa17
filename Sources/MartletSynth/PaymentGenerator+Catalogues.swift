package import MartletCore

/// Who and what the payments name, as tables of their own. Ids are those of the payments; every timestamp lies before
/// the period, so each row is known when the first payment arrives.
extension PaymentGenerator {
    /// `customer_id, opened_at, segment, home_country, home_city, latitude, longitude`, with the position of the home
    /// city.
    package func customers() -> RecordBatch {
        let all = 0..<catalogue.customerCount
        let cities = catalogue.homeCity
        let ages = catalogue.customerAgeDays
        return RecordBatch([
            ("customer_id", Column(.int64(all.map { Int64($0 + 1) }))),
            ("opened_at", Column(.timestamp(all.map { opened(daysBefore: Int(ages[$0])) }))),
            ("segment", Vocabulary(PaymentCatalogue.segments).column(catalogue.segment)),
            ("home_country", Vocabulary(City.all.map(\.country)).column(cities)),
            ("home_city", Vocabulary(City.all.map(\.name)).column(cities)),
            ("latitude", Column(.float64(cities.map { City.all[Int($0)].latitude }))),
            ("longitude", Column(.float64(cities.map { City.all[Int($0)].longitude }))),
        ])
    }

    /// `card_id, customer_id, issued_at, network`.
    package func cards() -> RecordBatch {
        let owners = catalogue.cardCustomer
        let networks = RandomStreams(seed: settings.seed, .cards)
        return RecordBatch([
            ("card_id", Column(.int64(owners.indices.map { Int64($0 + 1) }))),
            ("customer_id", Column(.int64(owners.map { Int64($0) + 1 }))),
            (
                "issued_at",
                Column(
                    .timestamp(
                        owners.indices.map { card in
                            let age = Int(catalogue.customerAgeDays[Int(owners[card])])
                            return opened(daysBefore: 1 + Int(networks.bits(card + 1) % UInt64(age)))
                        }))
            ),
            (
                "network",
                Vocabulary(["visa", "mastercard", "amex"]).column(
                    owners.indices.map { card in
                        let choice = networks.bits(card + 1) >> 56
                        return choice < 128 ? 0 : choice < 240 ? 1 : 2
                    })
            ),
        ])
    }

    /// `merchant_id, opened_at, category, country, city, latitude, longitude, is_online, risk`; risk from 0 to 1.
    package func merchants() -> RecordBatch {
        let all = 0..<catalogue.merchantCount
        let ages = RandomStreams(seed: settings.seed, .merchants)
        return RecordBatch([
            ("merchant_id", Column(.int64(all.map { Int64($0 + 1) }))),
            ("opened_at", Column(.timestamp(all.map { opened(daysBefore: 30 + Int(ages.bits($0) % 5_000)) }))),
            ("category", Vocabulary(MerchantCategory.all.map(\.name)).column(catalogue.category)),
            ("country", Vocabulary(City.all.map(\.country)).column(catalogue.merchantCity)),
            ("city", Vocabulary(City.all.map(\.name)).column(catalogue.merchantCity)),
            ("latitude", Column(.float64(catalogue.latitude.map { Double($0) / 10_000 }))),
            ("longitude", Column(.float64(catalogue.longitude.map { Double($0) / 10_000 }))),
            ("is_online", Column(.bool(catalogue.isOnline))),
            ("risk", Column(.float64(catalogue.risk.map { (Double($0) * 1_000).rounded() / 1_000 }))),
        ])
    }

    /// `terminal_id, merchant_id, installed_at`.
    package func terminals() -> RecordBatch {
        let bounds = catalogue.firstTerminal
        let ages = RandomStreams(seed: settings.seed, .terminals)
        var merchants: [Int64] = []
        for merchant in 0..<catalogue.merchantCount {
            for _ in bounds[merchant]..<bounds[merchant + 1] { merchants.append(Int64(merchant + 1)) }
        }
        return RecordBatch([
            ("terminal_id", Column(.int64(merchants.indices.map { Int64($0 + 1) }))),
            ("merchant_id", Column(.int64(merchants))),
            (
                "installed_at",
                Column(.timestamp(merchants.indices.map { opened(daysBefore: 1 + Int(ages.bits($0 + 1) % 2_000)) }))
            ),
        ])
    }

    private func opened(daysBefore days: Int) -> Int64 {
        settings.start.floored(to: .days(1)).microseconds - Int64(days) * TimeSpan.days(1).microseconds
    }
}
