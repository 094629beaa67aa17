import MartletCore

/// Who pays, with what, and where: drawn once from the seed, read by every batch. Entities are indices from 0; their
/// ids are the index plus 1.
struct PaymentCatalogue: Sendable {
    let realism: PaymentSettings.Realism
    /// Where the period starts; nothing in the catalogue is younger.
    let start: Timestamp

    // Customers
    let homeCity: [UInt8]
    let segment: [UInt8]
    let spendFactor: [Float]
    let customerAgeDays: [Int32]
    /// The cards of customer `c` are `firstCard[c]..<firstCard[c + 1]`.
    let firstCard: [Int32]

    // Cards
    let cardCustomer: [Int32]

    // Merchants
    let category: [UInt8]
    let merchantCity: [UInt8]
    let isOnline: [Bool]
    let amountFactor: [Float]
    let risk: [Float]
    /// In ten-thousandths of a degree.
    let latitude: [Int32]
    let longitude: [Int32]
    /// The terminals of merchant `m` are `firstTerminal[m]..<firstTerminal[m + 1]`.
    let firstTerminal: [Int32]

    // Popularity
    let customerPopularity: AliasTable
    /// One pool a city for its shops, then one for all merchants that sell online.
    let pools: MerchantPools
    let onlinePool = City.all.count
    let cityPopularity: AliasTable
    /// In cents, one table a category.
    let amounts: LogNormalTables

    let favourites: RandomStreams
    let trips: RandomStreams
    let devices: RandomStreams

    var customerCount: Int { homeCity.count }
    var cardCount: Int { cardCustomer.count }
    var merchantCount: Int { category.count }

    static let segments = ["standard", "student", "family", "premium", "business"]

    init(_ settings: PaymentSettings) {
        let seed = settings.seed
        realism = settings.realism
        start = settings.start
        favourites = RandomStreams(seed: seed, .favourites)
        trips = RandomStreams(seed: seed, .trips)
        devices = RandomStreams(seed: seed, .devices)
        cityPopularity = AliasTable(weights: City.all.map(\.weight))
        amounts = LogNormalTables(
            MerchantCategory.all.map { (mean: $0.amountMean + logarithm(100), deviation: $0.amountDeviation) })

        let isRealistic = settings.realism == .v2
        let customers = drawCustomers(settings.customers, seed: seed, cities: cityPopularity)
        homeCity = customers.map(\.city)
        segment = customers.map(\.segment)
        spendFactor = customers.map(\.spendFactor)
        customerAgeDays = customers.map(\.ageDays)

        var popularity = RandomStreams(seed: seed, .popularity).stream(0)
        var customerWeights = [Double](repeating: 1, count: settings.customers)
        if isRealistic {
            customerWeights = zipfWeights(
                count: settings.customers, exponent: customerExponent, offset: Double(settings.customers) * 0.01)
            customerWeights.shuffle(using: &popularity)
        }
        customerPopularity = AliasTable(weights: customerWeights)

        var cardRandom = RandomStreams(seed: seed, .cards).stream(0)
        firstCard = sharedOut(settings.cards, among: settings.customers) { cardRandom.index(below: settings.customers) }
        cardCustomer = owners(firstCard)

        let merchants = drawMerchants(settings.merchants, seed: seed, cities: cityPopularity)
        category = merchants.map(\.category)
        merchantCity = merchants.map(\.city)
        isOnline = merchants.map(\.isOnline)
        amountFactor = merchants.map(\.amountFactor)
        risk = merchants.map(\.risk)
        latitude = merchants.map(\.latitude)
        longitude = merchants.map(\.longitude)

        var merchantWeights = [Double](repeating: 1, count: settings.merchants)
        if isRealistic {
            merchantWeights = zipfWeights(count: settings.merchants, exponent: merchantExponent, offset: merchantOffset)
            merchantWeights.shuffle(using: &popularity)
        }
        pools = MerchantPools(
            (0...City.all.count).map { place in
                merchants.indices.filter { merchants[$0].pool == place }.map(Int32.init)
            }, weights: merchantWeights)
        let merchantAlias = AliasTable(weights: merchantWeights)
        var terminalRandom = RandomStreams(seed: seed, .terminals).stream(0)
        firstTerminal = sharedOut(settings.terminals, among: settings.merchants) {
            merchantAlias.draw(terminalRandom.next())
        }
    }
}

/// The laws of popularity of v2: Zipf-Mandelbrot with these exponents and offsets.
let customerExponent = 0.9
let merchantExponent = 1.0
let merchantOffset = 3.0

/// Groups of merchants that a payment may choose among, by popularity; all groups in two arrays.
struct MerchantPools: Sendable {
    private let merchants: [Int32]
    private let cells: [AliasTable.Cell]
    private let bounds: [Int32]

    /// - Parameter weights: of all merchants, by index.
    init(_ pools: [[Int32]], weights: [Double]) {
        merchants = pools.flatMap { $0 }
        cells = pools.flatMap { pool in AliasTable(weights: pool.map { weights[Int($0)] }).cells }
        bounds = pools.reduce(into: [0]) { $0.append($0[$0.count - 1] + Int32($1.count)) }
    }

    @inline(__always)
    func draw(_ pool: Int, _ bits: UInt64) -> Int {
        let first = Int(bounds[pool])
        return Int(merchants[first &+ drawCell(cells, first: first, count: Int(bounds[pool &+ 1]) &- first, bits)])
    }

    /// Every merchant of the pool alike.
    func drawEvenly(_ pool: Int, _ random: inout SeededRandom) -> Int {
        Int(merchants[random.index(below: Int(bounds[pool + 1] - bounds[pool])) + Int(bounds[pool])])
    }
}

private struct Customer {
    var city: UInt8
    var segment: UInt8
    var spendFactor: Float
    var ageDays: Int32
}

private func drawCustomers(_ count: Int, seed: UInt64, cities: AliasTable) -> [Customer] {
    let streams = RandomStreams(seed: seed, .customers)
    let segments = AliasTable(weights: [0.55, 0.12, 0.20, 0.08, 0.05])
    let spreads = LogNormalTables([(mean: 0, deviation: 0.35)])
    let factors = [1.0, 0.6, 1.15, 1.9, 1.6]
    return (0..<count).map { index in
        var random = streams.stream(index)
        let city = cities.draw(random.next())
        let segment = segments.draw(random.next())
        // A log-normal spread around the segment, so that "a high amount" differs from customer to customer.
        let spread = Double(spreads.draw(0, random.next()))
        return Customer(
            city: UInt8(city), segment: UInt8(segment), spendFactor: Float(factors[segment] * spread),
            ageDays: Int32(30 + random.index(below: 3_650)))
    }
}

private struct Merchant {
    var category: UInt8
    var city: UInt8
    var isOnline: Bool
    var amountFactor: Float
    var risk: Float
    var latitude: Int32
    var longitude: Int32
    var pool: Int { isOnline ? City.all.count : Int(city) }
}

private func drawMerchants(_ count: Int, seed: UInt64, cities: AliasTable) -> [Merchant] {
    let streams = RandomStreams(seed: seed, .merchants)
    let categories = AliasTable(weights: MerchantCategory.all.map(\.share))
    return (0..<count).map { index in
        var random = streams.stream(index)
        var city = cities.draw(random.next())
        var category = categories.draw(random.next())
        var isOnline = random.uniform() < MerchantCategory.all[category].onlineShare
        // The first ones see to it that no city is without a shop and no category without a seller online.
        if index < City.all.count {
            city = index
            category = index % 9
            isOnline = false
        } else if index < City.all.count + MerchantCategory.all.count {
            category = index - City.all.count
            isOnline = MerchantCategory.all[category].onlineShare > 0
        }
        let place = City.all[city]
        let risk = random.uniform() * random.uniform() * (isOnline ? 1 : 0.6)
        return Merchant(
            category: UInt8(category), city: UInt8(city), isOnline: isOnline,
            amountFactor: Float(random.between(0.7, 1.4)), risk: Float((risk * 1_000).rounded() / 1_000),
            latitude: Int32(((place.latitude + random.between(-0.09, 0.09)) * 10_000).rounded()),
            longitude: Int32(((place.longitude + random.between(-0.13, 0.13)) * 10_000).rounded()))
    }
}

/// Bounds of consecutive ranges that give each owner one item and the rest to whom `draw` names; the last bound is
/// `items`.
private func sharedOut(_ items: Int, among owners: Int, draw: () -> Int) -> [Int32] {
    var counts = [Int32](repeating: 1, count: owners)
    for _ in 0..<(items - owners) { counts[draw()] += 1 }
    var bounds: [Int32] = [0]
    bounds.reserveCapacity(owners + 1)
    var sum: Int32 = 0
    for count in counts {
        sum += count
        bounds.append(sum)
    }
    return bounds
}

private func owners(_ bounds: [Int32]) -> [Int32] {
    var result: [Int32] = []
    for owner in 0..<(bounds.count - 1) {
        for _ in bounds[owner]..<bounds[owner + 1] { result.append(Int32(owner)) }
    }
    return result
}
