import Glibc
import MartletCore

/// HyperLogLog as the papers have it, with the hash of ADR 0007, which tiles hold for good: nothing of the kernels.
struct NaiveHyperLogLog {
    private static let registerCount = 4_096
    /// The bits of a hash behind those that choose the register.
    private static let restBitCount = 52

    /// The longest run by register.
    private var ranks: [UInt64: Int] = [:]

    init(_ values: Set<Value>) {
        for value in values {
            let hash = Self.hash(value)
            let register = hash >> UInt64(Self.restBitCount)
            var rank = 1
            while rank <= Self.restBitCount && hash >> UInt64(Self.restBitCount - rank) & 1 == 0 { rank += 1 }
            ranks[register] = max(ranks[register] ?? 0, rank)
        }
    }

    /// Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017: equation 14, from its series.
    var estimate: Double {
        let registers = Double(Self.registerCount)
        func share(_ rank: Int) -> Double { Double(ranks.values.count { $0 == rank }) / registers }
        let empty = 1 - Double(ranks.count) / registers
        if empty == 1 { return 0 }
        var sigma = empty
        var tau = share(Self.restBitCount + 1)
        for step in 1...60 {
            sigma += pow(empty, pow(2, Double(step))) * pow(2, Double(step - 1))
            let root = pow(1 - share(Self.restBitCount + 1), pow(2, -Double(step)))
            tau -= (1 - root) * (1 - root) * pow(2, -Double(step))
        }
        let middle = (1...Self.restBitCount).reduce(0.0) { $0 + share($1) * pow(2, -Double($1)) }
        return registers / (2 * log(2) * (sigma + middle + tau / 3 * pow(2, -Double(Self.restBitCount))))
    }

    static func hash(_ value: Value) -> UInt64 {
        switch value {
        case .bool(let value): mixed(value ? 1 : 0)
        case .int32(let value): mixed(UInt64(bitPattern: Int64(value)))
        case .int64(let value): mixed(UInt64(bitPattern: value))
        case .timestamp(let value): mixed(UInt64(bitPattern: value.microseconds))
        case .float32(let value): mixed(UInt64(bitPattern: ordered(Double(value))))
        case .float64(let value): mixed(UInt64(bitPattern: ordered(value)))
        case .string(let value): mixed(folded(Array(value.utf8)))
        case .bytes(let value): mixed(folded(Array(value)))
        case .null, .list, .map: preconditionFailure("not a counted value")
        }
    }

    /// Integers in the order of the doubles.
    private static func ordered(_ value: Double) -> Int64 {
        let magnitude = Int64(bitPattern: value.magnitude.bitPattern)
        return value.sign == .minus ? -1 - magnitude : magnitude
    }

    /// The finalizer of MurmurHash3.
    private static func mixed(_ value: UInt64) -> UInt64 {
        var mixed = value
        for factor: UInt64 in [0xFF51_AFD7_ED55_8CCD, 0xC4CE_B9FE_1A85_EC53] { mixed = (mixed ^ mixed >> 33) &* factor }
        return mixed ^ mixed >> 33
    }

    /// Words of eight bytes, least first, multiplied and folded; what is left at the end, greatest first.
    private static func folded(_ bytes: [UInt8]) -> UInt64 {
        var state = UInt64(bytes.count) ^ 0x9E37_79B9_7F4A_7C15
        var rest = bytes[...]
        while rest.count >= 8 {
            let word = rest.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let product = (state ^ word).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
            state = product.high ^ product.low ^ state << 7
            rest = rest.dropFirst(8)
        }
        let last = rest.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let product = (state ^ last).multipliedFullWidth(by: 0xA076_1D64_78BD_642F)
        return product.high ^ product.low
    }
}
