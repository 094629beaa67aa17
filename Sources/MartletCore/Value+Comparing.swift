extension Value {
    /// Whether two values have the same bits, within lists and maps too; every NaN is one value, and the zeros of both
    /// signs are two.
    package func hasSameBits(as other: Value) -> Bool {
        switch (self, other) {
        case (.float32(let a), .float32(let b)): a.bitPattern == b.bitPattern || a.isNaN && b.isNaN
        case (.float64(let a), .float64(let b)): a.bitPattern == b.bitPattern || a.isNaN && b.isNaN
        case (.list(let a), .list(let b)): a.count == b.count && zip(a, b).allSatisfy { $0.hasSameBits(as: $1) }
        case (.map(let a), .map(let b)):
            a.count == b.count && a.allSatisfy { key, value in b[key].map { value.hasSameBits(as: $0) } ?? false }
        default: self == other
        }
    }
}
