import MartletCore

/// A value of a feature, for comparisons to the bit.
enum Cell: Equatable, CustomStringConvertible {
    case null
    /// The bits of a double, so that NaN and -0 compare.
    case real(UInt64)
    case other(Value)
    /// Of an oracle: any number so near.
    case near(Double, within: Double)

    init(_ value: Value) {
        switch value {
        case .null: self = .null
        case .float64(let double): self = .real(double.bitPattern)
        case .float32(let float): self = .real(Double(float).bitPattern)
        case .list(let values): self = .other(.string("\(values.map { Cell($0).description })"))
        case .map(let values):
            let entries = values.sorted { $0.key < $1.key }.map { "\($0.key)=\(Cell($0.value).description)" }
            self = .other(.string("\(entries)"))
        default: self = .other(value)
        }
    }

    var description: String {
        switch self {
        case .null: "null"
        case .real(let bits): "\(Double(bitPattern: bits)) \(bits)"
        case .other(.bytes(let bytes)): "\(bytes)"
        case .other(let value): value.description
        case .near(let value, let bound): "\(value) ± \(bound)"
        }
    }

    /// - Parameter expected: of an oracle.
    func agrees(with expected: Cell) -> Bool {
        guard case .near(let value, let bound) = expected else { return self == expected }
        guard let number else { return false }
        return abs(number - value) <= bound
    }
}

/// The cells of a column.
func cells(_ column: Column) -> [Cell] { (0..<column.count).map { Cell(column[$0]) } }

/// Whether two lists of columns agree to the last bit.
func isSame(_ left: [Column], _ right: [Column]) -> Bool {
    left.map(\.type) == right.map(\.type) && left.map(cells) == right.map(cells)
}

/// The rows in which a column does not have what an oracle says.
func differences(_ column: Column, _ expected: [Cell]) -> [String] {
    let found = cells(column)
    if found.count != expected.count { return ["\(found.count) rows for \(expected.count)"] }
    return found.indices.filter { !found[$0].agrees(with: expected[$0]) }
        .map { "row \($0): \(found[$0]) for \(expected[$0])" }
}
