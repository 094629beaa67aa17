/// Draws an index with given weights in O(1), by the alias method (Vose, "A linear algorithm for generating random
/// numbers with a given distribution", IEEE Transactions on Software Engineering 17, 1991).
struct AliasTable: Sendable {
    struct Cell: Sendable {
        /// Draws below it stay in the cell, the others go to the alias.
        var threshold: UInt32
        var alias: UInt32
    }

    let cells: [Cell]

    var count: Int { cells.count }

    /// - Precondition: at least one weight, fewer than 2^32, all finite and not negative, not all zero.
    init(weights: [Double]) {
        precondition(!weights.isEmpty, "an alias table has at least one weight")
        let total = weights.reduce(0, +)
        let scale = Double(weights.count) / total
        var share = weights.map { $0 * scale }
        var cells = (0..<weights.count).map { Cell(threshold: .max, alias: UInt32($0)) }
        var poor: [Int] = []
        var rich: [Int] = []
        for index in share.indices {
            if share[index] < 1 { poor.append(index) } else { rich.append(index) }
        }
        while let needy = poor.popLast(), let donor = rich.last {
            cells[needy] = Cell(threshold: UInt32(min(share[needy] * 0x1p32, 0x1p32 - 1)), alias: UInt32(donor))
            share[donor] -= 1 - share[needy]
            if share[donor] < 1 {
                rich.removeLast()
                poor.append(donor)
            }
        }
        self.cells = cells
    }

    /// - Parameter bits: 64 random bits; the upper half chooses the cell, the lower one between the cell and its alias.
    @inline(__always)
    func draw(_ bits: UInt64) -> Int { drawCell(cells, first: 0, count: cells.count, bits) }
}

/// The weights of the Zipf-Mandelbrot law, `1 / (rank + offset)^exponent`, for ranks from 1.
func zipfWeights(count: Int, exponent: Double, offset: Double) -> [Double] {
    (1...count).map { power(Double($0) + offset, -exponent) }
}

/// Draws from the cells of one table that lies in a larger array; see `AliasTable.draw`.
@inline(__always)
func drawCell(_ cells: [AliasTable.Cell], first: Int, count: Int, _ bits: UInt64) -> Int {
    let index = Int(((bits >> 32) &* UInt64(count)) >> 32)
    let cell = cells[first &+ index]
    return UInt32(truncatingIfNeeded: bits) < cell.threshold ? index : Int(cell.alias)
}
