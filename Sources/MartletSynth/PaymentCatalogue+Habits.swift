import MartletCore

/// What is the same about a customer each time one looks: trips, favourite shops, devices.
extension PaymentCatalogue {
    private static let week: Int64 = 7 * 86_400_000_000
    /// The fraction of a customer's weeks spent in another city.
    private static let travelFraction: UInt64 = 3_000  // of 65,536
    static let favouriteCount = 8

    /// Where the customer is: at home, or for a whole week somewhere else.
    @inline(__always)
    func city(ofCustomer customer: Int, at time: Int64) -> Int {
        let home = Int(homeCity[customer])
        let bits = trips.bits(customer << 12 | Int((time - start.microseconds) / Self.week))
        if bits & 0xFFFF >= Self.travelFraction { return home }
        return cityPopularity.draw(bits &* 0x9E37_79B9_7F4A_7C15)
    }

    /// One of the shops around home that the customer returns to.
    @inline(__always)
    func favouriteMerchant(ofCustomer customer: Int, _ slot: Int) -> Int {
        pools.draw(Int(homeCity[customer]), favourites.bits(customer &* Self.favouriteCount &+ slot))
    }

    /// The customer's own devices: slot 0 the phone, slot 1 another one.
    @inline(__always)
    func device(ofCustomer customer: Int, _ slot: Int) -> Int64 {
        deviceNumber(devices.bits(customer &* 2 &+ slot))
    }

    func terminal(ofMerchant merchant: Int, _ bits: UInt64) -> Int32 {
        let first = firstTerminal[merchant]
        let count = UInt64(firstTerminal[merchant + 1] - first)
        return first + Int32(((bits >> 32) &* count) >> 32)
    }
}

/// Never 0, which stands for no device.
@inline(__always)
func deviceNumber(_ bits: UInt64) -> Int64 { Int64(bits >> 24) + 1 }
