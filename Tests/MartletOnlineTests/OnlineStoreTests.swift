import MartletCore
import MartletOnline
import MartletTestSupport
import Synchronization
import Testing

@Suite("The online store")
struct OnlineStoreTests {
    private let now = Timestamp(microseconds: 1_000_000)

    private func value(_ id: Int64, _ view: OnlineView, _ store: any OnlineStore) throws -> Value {
        try store.read(view, keys: [Column(.int64([id]))], at: now).columns[0][0]
    }

    @Test(
        "keeps the newest of two rows",
        arguments: [
            // event, created, position of the first and second write; whether the second is there afterwards
            ((10, 0, 0), (11, 0, 0), true), ((10, 0, 0), (9, 0, 0), false), ((10, 0, 0), (9, 99, 99), false),
            ((10, 5, 0), (10, 6, 0), true), ((10, 5, 0), (10, 4, 0), false), ((10, 5, 0), (10, 4, 9), false),
            ((10, 5, 1), (10, 5, 2), true), ((10, 5, 2), (10, 5, 1), false), ((10, 5, 1), (10, 5, 1), true),
        ] as [((Int64, Int64, Int64), (Int64, Int64, Int64), Bool)])
    func newestWins(first: (Int64, Int64, Int64), second: (Int64, Int64, Int64), isReplaced: Bool) throws {
        func values(_ x: Int64, _ order: (Int64, Int64, Int64)) -> LatestValues {
            simpleValues([(1, x, order.0)], created: [order.1], positions: [order.2])
        }
        try withStore { store in
            let view = simpleView()
            #expect(try load(values(100, first), into: view, store).written == 1)
            let counts = try load(values(200, second), into: view, store, input: "b")
            #expect(counts.written == (isReplaced ? 1 : 0))
            #expect(counts.keptNewer == (isReplaced ? 0 : 1))
            #expect(try value(1, view, store) == .int64(isReplaced ? 200 : 100))
        }
        try withStore { store in
            // Within one load, in either order, the same row wins.
            let view = simpleView()
            let both = simpleValues(
                [(1, 100, first.0), (1, 200, second.0)], created: [first.1, second.1], positions: [first.2, second.2])
            let counts = try load(both, into: view, store)
            #expect(counts.written == 1)
            #expect(try value(1, view, store) == .int64(isReplaced ? 200 : 100))
        }
    }

    @Test(
        "applies the ttl when it reads",
        arguments: [
            (nil, 0, FeatureStatus.present), (TimeSpan(microseconds: 100), 999_900, .present),
            (TimeSpan(microseconds: 100), 999_899, .outsideMaxAge), (.zero, 1_000_000, .present),
            (.zero, 999_999, .outsideMaxAge), (TimeSpan(microseconds: .max), -5, .present),
        ] as [(TimeSpan?, Int64, FeatureStatus)])
    func timeToLive(ttl: TimeSpan?, eventTime: Int64, status: FeatureStatus) throws {
        try withStore { store in
            let view = simpleView(ttl: ttl)
            _ = try load(simpleValues([(1, 7, eventTime)]), into: view, store)
            let answer = try store.read(view, keys: [Column(.int64([1]))], at: now)
            #expect(answer.statuses == [[status]])
            #expect(answer.columns[0][0] == (status == .present ? .int64(7) : .null))
            #expect(answer.eventTimes == [Timestamp(microseconds: eventTime)])
        }
    }

    @Test("answers in the order asked, repeated and null and unknown keys too")
    func statuses() throws {
        try withStore { store in
            let view = simpleView()
            _ = try load(simpleValues([(1, 10, 5), (2, nil, 6), (3, 30, 7)]), into: view, store)
            let keys = Column(.int64([3, 9, 2, 3, 0, 1]), validity: Bitmap([true, true, true, true, false, true]))
            let answer = try store.read(view, keys: [keys], at: now)
            #expect((0..<6).map { answer.columns[0][$0] } == [.int64(30), .null, .null, .int64(30), .null, .int64(10)])
            #expect(answer.statuses == [[.present, .notFound, .nullValue, .present, .notFound, .present]])
            #expect(answer.eventTimes.map(\.microseconds) == [7, 0, 6, 7, 0, 5])
        }
    }

    @Test("reads the asked features only, in the order asked")
    func projection() throws {
        try withStore { store in
            let view = OnlineView(
                identity: identity(), keys: [Field("id", .int64)],
                features: [Field("a", .int64), Field("b", .string), Field("c", .bool)])
            let values = LatestValues(
                keys: [Column(.int64([1]))],
                features: [Column(.int64([5])), Column(.string(ByteStrings(["hé"]))), Column(.bool([true]))],
                eventTimes: [1])
            _ = try load(values, into: view, store)
            let answer = try store.read(view, keys: [Column(.int64([1]))], features: [2, 1], at: now)
            #expect(answer.columns.map { $0[0] } == [.bool(true), .string("hé")])
        }
    }

    @Test("keeps versions, views and tenants apart, and drops one alone")
    func isolation() throws {
        try withStore { store in
            let views = [
                simpleView(identity()), simpleView(identity(version: 2)), simpleView(identity("other")),
                simpleView(identity(tenant: "beta")),
            ]
            for (index, view) in views.enumerated() {
                _ = try load(simpleValues([(1, Int64(index), 5)]), into: view, store)
            }
            for (index, view) in views.enumerated() { #expect(try value(1, view, store) == .int64(Int64(index))) }
            try store.drop(views[1].identity)
            #expect(try value(1, views[1], store) == .null)
            #expect(try store.cursor(of: views[1].identity) == nil)
            for index in [0, 2, 3] { #expect(try value(1, views[index], store) == .int64(Int64(index))) }
            #expect(try load(simpleValues([(1, 8, 5)]), into: views[1], store).written == 1)
            #expect(try value(1, views[1], store) == .int64(8))
        }
    }

    @Test("is there again after it was closed")
    func reopening() throws {
        try withTemporaryFolder { folder in
            let view = simpleView()
            do {
                let store = try openStore(folder)
                _ = try load(simpleValues([(1, 10, 5)]), into: view, store)
            }
            let store = try openStore(folder)
            #expect(try value(1, view, store) == .int64(10))
            #expect(try load(simpleValues([(2, 20, 5)]), into: simpleView(identity("new")), store).written == 1)
            #expect(try value(2, view, store) == .null)
        }
    }

    @Test("takes keys of any length", arguments: [0, 1, 495, 501, 502, 503, 511, 600, 5_000])
    func longKeys(length: Int) throws {
        try withStore { store in
            let view = OnlineView(
                identity: identity(), keys: [Field("id", .string)], features: [Field("x", .int64)])
            let texts = ["a", "b", "c"].map {
                String(repeating: "k", count: max(0, length - 1)) + (length == 0 ? "" : $0)
            }
            let unique = Array(Set(texts)).sorted()
            func values(_ base: Int64) -> LatestValues {
                LatestValues(
                    keys: [Column(.string(ByteStrings(unique)))],
                    features: [Column(.int64(unique.indices.map { base + Int64($0) }))],
                    eventTimes: unique.map { _ in base })
            }
            for base in [Int64(10), 20, 15] { _ = try load(values(base), into: view, store, input: "\(base)") }
            let asked = unique + ["absent", String(repeating: "z", count: length)]
            let answer = try store.read(view, keys: [Column(.string(ByteStrings(asked)))], at: now)
            for index in unique.indices { #expect(answer.columns[0][index] == .int64(20 + Int64(index))) }
            #expect(answer.statuses[0][unique.count] == .notFound)
            #expect(try store.recordCount(of: view.identity) == unique.count)
        }
    }

    @Test("refuses to read at a moment before what it holds")
    func tooEarly() throws {
        try withStore { store in
            let view = simpleView()
            _ = try load(simpleValues([(1, 10, 500)]), into: view, store)
            let keys = [Column(.int64([1]))]
            #expect(code { _ = try store.read(view, keys: keys, at: Timestamp(microseconds: 499)) } == .conflict)
            #expect(try store.read(view, keys: keys, at: Timestamp(microseconds: 500)).statuses == [[.present]])
        }
    }

    @Test("refuses keys and features of other types", arguments: ["key", "feature", "count", "length"])
    func wrongColumns(kind: String) throws {
        try withStore { store in
            var values = simpleValues([(1, 10, 5)])
            switch kind {
            case "key": values.keys = [Column(.string(ByteStrings(["1"])))]
            case "feature": values.features = [Column(.float64([1]))]
            case "count": values.features = []
            default: values.createdTimes = []
            }
            let expected: MartletError.Code =
                kind == "count" ? .missingColumn : kind == "length" ? .invalidInput : .typeMismatch
            #expect(code { _ = try load(values, into: simpleView(), store) } == expected)
        }
    }

    @Test("equals a dictionary after random loads", arguments: [UInt64(1), 2, 3])
    func model(seed: UInt64) throws {
        try withStore { store in
            var random = SeededRandom(seed: seed)
            let view = simpleView()
            var model: [Int64: (x: Int64?, order: (Int64, Int64))] = [:]
            for round in 0..<20 {
                let rows = (0..<200).map { _ in
                    (
                        id: Int64.random(in: 0..<300, using: &random),
                        x: random.next() % 5 == 0 ? nil : Int64(random.next() % 1_000),
                        event: Int64.random(in: 0..<10, using: &random)
                    )
                }
                let created = rows.map { _ in Int64.random(in: 0..<3, using: &random) }
                _ = try load(simpleValues(rows, created: created), into: view, store, input: "\(round)")
                for (row, created) in zip(rows, created) {
                    let order = (row.event, created)
                    if let known = model[row.id], order < known.order { continue }
                    model[row.id] = (row.x, order)
                }
            }
            let ids = (0..<Int64(310)).map { $0 }
            let answer = try store.read(view, keys: [Column(.int64(ids))], at: now)
            for (index, id) in ids.enumerated() {
                let expected = model[id].map { $0.x.map { Value.int64($0) } ?? .null } ?? .null
                #expect(answer.columns[0][index] == expected, "seed \(seed), id \(id)")
                let status: FeatureStatus =
                    model[id].map { $0.x == nil ? .nullValue : .present } ?? .notFound
                #expect(answer.statuses[0][index] == status, "seed \(seed), id \(id)")
            }
        }
    }
}
