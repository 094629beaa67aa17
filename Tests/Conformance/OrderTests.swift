import Dispatch
import MartletCore
import MartletOnline
import Synchronization
import Testing

@Suite("Every online store", .serialized)
struct OrderTests {
    private let now = Timestamp(microseconds: 1_000_000)

    private func value(_ id: Int64, _ view: OnlineView, _ store: any OnlineStore) throws -> Value {
        try store.read(view, keys: [Column(.int64([id]))], at: now).columns[0][0]
    }

    private static let orders: [((Int64, Int64, Int64), (Int64, Int64, Int64), Bool)] = [
        // event, created, position of the first and second write; whether the second is there afterwards
        ((10, 0, 0), (11, 0, 0), true), ((10, 0, 0), (9, 0, 0), false), ((10, 0, 0), (9, 99, 99), false),
        ((10, 5, 0), (10, 6, 0), true), ((10, 5, 0), (10, 4, 0), false), ((10, 5, 0), (10, 4, 9), false),
        ((10, 5, 1), (10, 5, 2), true), ((10, 5, 2), (10, 5, 1), false), ((10, 5, 1), (10, 5, 1), true),
        // Both signs, and words of which a double keeps only the upper bits.
        ((-10, 0, 0), (-11, 0, 0), false), ((-11, 0, 0), (-10, 0, 0), true), ((-1, 0, 0), (0, 0, 0), true),
        ((0, 0, 0), (-1, 0, 0), false), ((5, .min, 0), (5, .max, 0), true), ((5, .max, 0), (5, .min, 0), false),
        ((5, 1 << 62, 0), (5, 1 << 62 | 1, 0), true), ((5, 1 << 62 | 1, 0), (5, 1 << 62, 0), false),
        ((5, 0, -1 << 62), (5, 0, -1 << 62 | 1), true), ((5, 0, 0x1_0000_0000), (5, 0, 0xFFFF_FFFF), false),
        ((5, 0, 0x7FFF_FFFF), (5, 0, 0x8000_0000), true), ((5, 0, 0x8000_0000), (5, 0, 0x7FFF_FFFF), false),
    ]

    @Test("keeps the newest of two rows", arguments: Backend.allCases)
    func newestWins(backend: Backend) throws {
        try backend.withStore { store, _ in
            let view = simpleView()
            for (index, (first, second, isReplaced)) in Self.orders.enumerated() {
                let id = Int64(index)
                func row(_ x: Int64, _ order: (Int64, Int64, Int64)) -> LatestValues {
                    values([Row(id: id, x: x, event: order.0, created: order.1, position: order.2)])
                }
                #expect(try load(row(100, first), into: view, store).written == 1)
                let counts = try load(row(200, second), into: view, store)
                #expect(counts.written == (isReplaced ? 1 : 0), "\(first) then \(second)")
                #expect(counts.keptNewer == (isReplaced ? 0 : 1), "\(first) then \(second)")
                #expect(try value(id, view, store) == .int64(isReplaced ? 200 : 100), "\(first) then \(second)")
                #expect(
                    try load(row(isReplaced ? 200 : 100, isReplaced ? second : first), into: view, store).unchanged == 1
                )
            }
        }
    }

    @Test("deletes as of a moment: what is older stays away, what is newer comes back", arguments: Backend.allCases)
    func tombstones(backend: Backend) throws {
        try backend.withStore { store, open in
            let view = simpleView()
            try load(values([Row(id: 1, x: 10, event: 5), Row(id: 2, x: 20, event: 5)]), into: view, store)
            let gone = try store.delete(deletions([Row(id: 1, event: 7), Row(id: 2, event: 4)]), of: view)
            #expect(gone.written == 1 && gone.keptNewer == 1)
            let answer = try store.read(view, keys: [Column(.int64([1, 2]))], at: now)
            #expect(answer.statuses == [[.notFound, .present]])
            #expect(answer.columns[0][0] == .null && answer.columns[0][1] == .int64(20))
            #expect(try load(values([Row(id: 1, x: 11, event: 6)]), into: view, store).keptNewer == 1)
            #expect(try store.delete(deletions([Row(id: 1, event: 6)]), of: view).keptNewer == 1)
            #expect(try store.delete(deletions([Row(id: 1, event: 7)]), of: view).unchanged == 1)
            let again = try open()
            #expect(try again.read(view, keys: [Column(.int64([1]))], at: now).statuses == [[.notFound]])
            #expect(try load(values([Row(id: 1, x: 12, event: 7, created: 1)]), into: view, again).written == 1)
            #expect(try value(1, view, again) == .int64(12))
            // Of an entity that nothing is known of.
            #expect(try again.delete(deletions([Row(id: 3, event: 7)]), of: view).written == 1)
            #expect(try load(values([Row(id: 3, x: 1, event: 6)]), into: view, again).keptNewer == 1)
        }
    }

    @Test("goes by completeness for tiles, and deletes them up to a moment", arguments: Backend.allCases)
    func tiles(backend: Backend) throws {
        try backend.withStore { store, _ in
            let view = OnlineView(
                identity: identity("windows", tenant: freshTenant()), keys: [Field("id", .int64)],
                features: [Field("n", .int64)], kind: .windowed(LengthAssembler()))
            func load(_ size: Int, upTo: Int64, arrival: Int64 = 0) throws -> WriteCounts {
                var load = try OnlineLoad(
                    LoadIdentity(view: view.identity, upTo: Timestamp(microseconds: upTo), input: "a"), of: view,
                    into: store, isRestarted: true)
                try load.write(
                    TileStates(
                        keys: [Column(.int64([1]))], states: ByteStrings([String(repeating: "s", count: size)]),
                        eventTimes: [1], arrivalTimes: [arrival], upTo: Timestamp(microseconds: upTo)))
                return try load.finish()
            }
            func read() throws -> (Value, FeatureStatus) {
                let answer = try store.read(view, keys: [Column(.int64([1]))], at: now)
                return (answer.columns[0][0], answer.statuses[0][0])
            }
            let first = try load(3, upTo: 100)
            #expect(first.written == 1)
            #expect(try load(4, upTo: 90, arrival: 9).keptNewer == 1)
            #expect(try load(5, upTo: 100, arrival: 1).written == 1)
            #expect(try read() == (.int64(5), .present))
            #expect(try store.delete(deletions([Row(id: 1, event: 110)]), of: view).written == 1)
            #expect(try read() == (.int64(0), .present))
            #expect(try load(6, upTo: 105).keptNewer == 1)
            #expect(try load(7, upTo: 120).written == 1)
            #expect(try read() == (.int64(7), .present))
        }
    }

    @Test("has of many writers at once only the newest row", arguments: Backend.allCases)
    func concurrency(backend: Backend) throws {
        try backend.withStore { store, _ in
            let view = simpleView()
            let handle = try store.handle(for: view.identity)
            let failures = Mutex<[String]>([])
            let group = DispatchGroup()
            for writer in 0..<4 {
                startThread(group: group) {
                    do {
                        var random = SeededRandom(seed: UInt64(writer))
                        for _ in 0..<10 {
                            let rows = (0..<Int64(40)).map { id -> Row in
                                let event = Int64.random(in: 0..<1_000, using: &random)
                                return Row(id: id, x: event, event: event)
                            }
                            let keys = try EntityKeys(values(rows).keys, keys: view.keys)
                            _ = try store.write(
                                RecordChunk(values(rows), rows: (0..<40).map { Int32($0) }[...]), keys: keys,
                                order: (0..<40).map { Int32($0) }[...], to: handle, cursor: nil)
                        }
                    } catch {
                        failures.withLock { $0.append("\(error)") }
                    }
                }
            }
            group.wait()
            #expect(failures.withLock { $0 } == [])
            var newest = [Int64](repeating: -1, count: 40)
            for writer in 0..<4 {
                var random = SeededRandom(seed: UInt64(writer))
                for _ in 0..<10 {
                    for id in 0..<40 { newest[id] = max(newest[id], Int64.random(in: 0..<1_000, using: &random)) }
                }
            }
            let answer = try store.read(view, keys: [Column(.int64((0..<40).map { Int64($0) }))], at: now)
            for id in 0..<40 { #expect(answer.columns[0][id] == .int64(newest[id]), "entity \(id)") }
        }
    }
}

/// The size of each state.
struct LengthAssembler: WindowAssembler {
    func assemble(
        _ states: [UnsafeRawBufferPointer?], features: [Int], at time: Timestamp
    ) throws -> [Column] { [Column(.int64(states.map { Int64($0?.count ?? 0) }))] }
}
