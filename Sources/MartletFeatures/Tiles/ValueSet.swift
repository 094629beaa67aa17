/// A set that is emptied in no time and reuses its memory: the scratch of exact distinct counts at read.
struct ValueSet {
    private var keys: [Int64]
    /// The round in which the place was filled; another round's places are empty.
    private var rounds: [UInt32]
    private var round: UInt32 = 1
    private(set) var count = 0

    init() {
        keys = [Int64](repeating: 0, count: 64)
        rounds = [UInt32](repeating: 0, count: 64)
    }

    mutating func removeAll() {
        count = 0
        round &+= 1
        if round == 0 {
            for place in rounds.indices { rounds[place] = 0 }
            round = 1
        }
    }

    /// Inserts `key` unless `isEqual` finds it among those with the same hash.
    /// - Parameters:
    ///   - hash: of the value that `key` stands for.
    ///   - isEqual: whether a key of the set stands for the same value.
    ///   - hashOf: the hash of a key of the set, for when it grows.
    @inline(__always)
    mutating func insert(_ key: Int64, hash: UInt64, isEqual: (Int64) -> Bool, hashOf: (Int64) -> UInt64) {
        if 2 * (count + 1) > keys.count { grow(hashOf) }
        let mask = keys.count - 1
        var place = Int(truncatingIfNeeded: hash) & mask
        while rounds[place] == round {
            if isEqual(keys[place]) { return }
            place = (place &+ 1) & mask
        }
        keys[place] = key
        rounds[place] = round
        count += 1
    }

    private mutating func grow(_ hashOf: (Int64) -> UInt64) {
        let old = zip(keys, rounds).filter { $0.1 == round }.map(\.0)
        let capacity = 2 * keys.count
        keys = [Int64](repeating: 0, count: capacity)
        rounds = [UInt32](repeating: 0, count: capacity)
        round = 1
        for key in old {
            var place = Int(truncatingIfNeeded: hashOf(key)) & (capacity - 1)
            while rounds[place] == round { place = (place + 1) & (capacity - 1) }
            keys[place] = key
            rounds[place] = round
        }
    }
}
