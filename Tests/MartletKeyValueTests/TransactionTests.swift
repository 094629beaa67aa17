import MartletCore
import MartletKeyValue
import MartletTestSupport
import Testing

@Suite("Transactions")
struct TransactionTests {
    @Test("a scan visits the keys with the prefix, in their order, and stops when told")
    func scan() throws {
        try withTemporaryFolder { folder in
            let environment = try Environment(path: folder)
            let rows = try environment.database("rows")
            let keys: [[UInt8]] = [[1], [1, 0], [1, 255], [2], [0, 9], [1, 7, 7]]
            try environment.write { writer in
                for key in keys { try writer.put(key, for: key, in: rows) }
            }
            func visited(_ prefix: [UInt8], limit: Int = .max) throws -> [[UInt8]] {
                try environment.read { reader in
                    var seen: [[UInt8]] = []
                    try reader.scan(prefix: prefix, in: rows) { key, value in
                        #expect(bytes(key) == bytes(value))
                        seen.append(bytes(key))
                        return seen.count < limit
                    }
                    return seen
                }
            }
            #expect(try visited([1]) == [[1], [1, 0], [1, 7, 7], [1, 255]])
            #expect(try visited([1], limit: 2) == [[1], [1, 0]])
            #expect(try visited([]) == [[0, 9], [1], [1, 0], [1, 7, 7], [1, 255], [2]])
            #expect(try visited([3]) == [])
        }
    }

    @Test("a prefix is deleted in steps, and nothing beside it")
    func deletePrefix() throws {
        try withTemporaryFolder { folder in
            let environment = try Environment(path: folder)
            let rows = try environment.database("rows")
            try environment.write { writer in
                for prefix in UInt8(1)...3 {
                    for number in 0..<100 { try writer.put([], for: [prefix] + key(number), in: rows) }
                }
            }
            var steps: [Int] = []
            while steps.last != 0 {
                steps.append(try environment.write { try $0.delete(prefix: [2], limit: 40, in: rows) })
            }
            #expect(steps == [40, 40, 20, 0])
            #expect(try environment.read { try $0.count(in: rows) } == 200)
            #expect(try value([3] + key(0), rows, environment) == [])
        }
    }

    @Test("batches equal a dictionary after random writes", arguments: [UInt64(1), 2, 3])
    func model(seed: UInt64) throws {
        try withTemporaryFolder { folder in
            let environment = try Environment(path: folder, durability: .unsynced)
            let rows = try environment.database("rows")
            var random = SeededRandom(seed: seed)
            var model: [[UInt8]: [UInt8]] = [:]
            for _ in 0..<30 {
                let keys = Set(
                    (0..<Int.random(in: 1...60, using: &random)).map { _ in
                        key(Int.random(in: 0..<2_000, using: &random))
                    }
                ).sorted { $0.lexicographicallyPrecedes($1) }
                try environment.write { writer in
                    var batch = try writer.batch(in: rows)
                    try keys[0].withUnsafeBytes { try batch.begin(sortedFrom: $0) }
                    for key in keys {
                        let value = [UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: 20)
                        try key.withUnsafeBytes { key in
                            let before = try batch.value(for: key).map { Array($0) }
                            #expect(before == model[Array(key)], "seed \(seed)")
                            try batch.put(key, byteCount: value.count) { $0.copyBytes(from: value) }
                        }
                        model[key] = value
                    }
                }
            }
            var stored: [[UInt8]: [UInt8]] = [:]
            try environment.read { reader in
                try reader.scan(prefix: [], in: rows) { key, value in
                    let (name, content): ([UInt8], [UInt8]) = (bytes(key), bytes(value))
                    stored[name] = content
                    return true
                }
            }
            #expect(stored == model, "seed \(seed)")
        }
    }

    @Test("a key of 511 bytes is taken, a longer or empty one refused")
    func keyLengths() throws {
        try withTemporaryFolder { folder in
            let environment = try Environment(path: folder)
            let rows = try environment.database("rows")
            func put(_ count: Int) -> MartletError.Code? {
                code { try environment.write { try $0.put([1], for: [UInt8](repeating: 1, count: count), in: rows) } }
            }
            #expect(put(maximumKeyBytes) == nil)
            #expect(put(maximumKeyBytes + 1) == .limitExceeded)
            #expect(put(0) == .limitExceeded)
        }
    }

    @Test("a deletion says whether there was something to delete")
    func deletion() throws {
        try withTemporaryFolder { folder in
            let environment = try Environment(path: folder)
            let rows = try environment.database("rows")
            try environment.write { writer in
                try writer.put([1], for: [1], in: rows)
                #expect(try writer.delete([1], in: rows))
                #expect(try !writer.delete([1], in: rows))
            }
        }
    }
}
