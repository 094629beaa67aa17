import MartletCore
import MartletOnline
import Testing

@Suite("All online stores", .serialized)
struct ModelTests {
    /// One record of the model: its order and its value, nil where it is a tombstone.
    private struct Kept {
        var order: (Int64, Int64, Int64)
        var isDeleted: Bool
        var x: Int64?
    }

    @Test("equal a dictionary after random operations, and one another byte by byte", arguments: [UInt64(1), 2])
    func model(seed: UInt64) throws {
        var reference: [[UInt8]?]?
        for backend in Backend.allCases {
            try backend.withStore { store, open in
                var store = store
                var random = SeededRandom(seed: seed)
                let view = simpleView()
                var model: [Int64: Kept] = [:]
                for round in 0..<15 {
                    let rows = (0..<60).map { _ in
                        Row(
                            id: Int64.random(in: 0..<80, using: &random),
                            x: random.next() % 5 == 0 ? nil : Int64(random.next() % 1_000),
                            event: Int64.random(in: -5..<10, using: &random),
                            created: Int64.random(in: 0..<3, using: &random),
                            position: Int64.random(in: -1..<2, using: &random))
                    }
                    let isDeleting = random.next() % 4 == 0
                    if isDeleting {
                        _ = try store.delete(deletions(rows), of: view)
                    } else {
                        try load(values(rows), into: view, store, input: "\(round)")
                    }
                    for row in rows {
                        let order = (row.event, row.created, row.position)
                        if let known = model[row.id], order < known.order { continue }
                        model[row.id] = Kept(order: order, isDeleted: isDeleting, x: row.x)
                    }
                    if round == 7 { store = try open() }
                }
                let ids = (0..<Int64(90)).map { $0 }
                let answer = try store.read(view, keys: [Column(.int64(ids))], at: Timestamp(microseconds: 100))
                for (index, id) in ids.enumerated() {
                    let kept = model[id].flatMap { $0.isDeleted ? nil : $0 }
                    let expected = kept.map { $0.x.map { Value.int64($0) } ?? .null } ?? .null
                    let status: FeatureStatus = kept.map { $0.x == nil ? .nullValue : .present } ?? .notFound
                    #expect(answer.columns[0][index] == expected, "\(backend), seed \(seed), id \(id)")
                    #expect(answer.statuses[0][index] == status, "\(backend), seed \(seed), id \(id)")
                }
                let bytes = try records(ids, of: view, store)
                #expect(bytes.count { $0 != nil } == model.count, "\(backend), seed \(seed)")
                if let reference { #expect(bytes == reference, "\(backend), seed \(seed)") } else { reference = bytes }
            }
        }
    }
}
