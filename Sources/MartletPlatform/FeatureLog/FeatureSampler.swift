package import MartletOnline

/// Chooses the entities whose served vectors are logged: by their keys, so that an entity is logged always or never,
/// by any process and after any restart.
package struct FeatureSampler: Sendable {
    private let limit: UInt64

    /// - Parameter rate: the share of entities, from 0 to 1.
    package init(rate: Double) { limit = rate >= 1 ? .max : UInt64(max(0, rate) * 0x1p64) }

    /// - Parameters:
    ///   - keys: by key group.
    ///   - rows: by key group, for each row its unique key.
    /// - Returns: the rows that are chosen, ascending.
    package func rows(of keys: [EntityKeys], _ rows: [[Int]], count: Int) -> [Int] {
        guard limit > 0 else { return [] }
        return (0..<count).filter { row in
            var hash: UInt64 = 0
            for (group, keys) in keys.enumerated() where group < rows.count {
                hash = keys.withKey(rows[group][row]) { stableHash(of: $0, seed: hash) }
            }
            return hash < limit || limit == .max
        }
    }
}
