import MartletCore
import MartletOnline
import Testing

@Suite("Every online store, read,", .serialized)
struct ReadingTests {
    private let now = Timestamp(microseconds: 1_000_000)

    @Test("applies the ttl", arguments: Backend.allCases)
    func ttl(backend: Backend) throws {
        try backend.withStore { store, _ in
            let view = simpleView(ttl: TimeSpan(microseconds: 100))
            try load(values([Row(id: 1, x: 10, event: 500), Row(id: 2, x: nil, event: 500)]), into: view, store)
            for (time, expected) in [
                (500, [FeatureStatus.present, .nullValue]), (600, [.present, .nullValue]),
                (601, [.outsideMaxAge, .outsideMaxAge]),
            ] as [(Int64, [FeatureStatus])] {
                let answer = try store.read(
                    view, keys: [Column(.int64([1, 2]))], at: Timestamp(microseconds: time))
                #expect(answer.statuses[0] == expected, "at \(time)")
                #expect(answer.columns[0][0] == (expected[0] == .present ? .int64(10) : .null), "at \(time)")
            }
            #expect(
                code { _ = try store.read(view, keys: [Column(.int64([1]))], at: Timestamp(microseconds: 499)) }
                    == .conflict)
        }
    }

    @Test("gives the asked features of the asked keys in order, doubles and nulls too", arguments: Backend.allCases)
    func projection(backend: Backend) throws {
        try backend.withStore { store, _ in
            let view = OnlineView(
                identity: identity(tenant: freshTenant()), keys: [Field("a", .int64), Field("b", .string)],
                features: [Field("x", .float64), Field("y", .string), Field("z", .bool)])
            try load(
                LatestValues(
                    keys: [Column(.int64([1, 2])), Column(.string(ByteStrings(["p", "q"])))],
                    features: [
                        Column(.float64([1.5, -0.0])), Column(.string(ByteStrings(["hé", ""]))),
                        Column(.bool([true, false])),
                    ], eventTimes: [1, 2]), into: view, store)
            let keys = [
                Column(.int64([2, 1, 2, 0, 1]), validity: Bitmap([true, true, true, false, true])),
                Column(.string(ByteStrings(["q", "p", "q", "q", "q"]))),
            ]
            let answer = try store.read(view, keys: keys, features: [1, 0], at: now)
            #expect((0..<5).map { answer.columns[0][$0] } == [.string(""), .string("hé"), .string(""), .null, .null])
            #expect(answer.columns[1][1] == .float64(1.5))
            guard case .float64(let zero) = answer.columns[1][0] else {
                Issue.record("no number")
                return
            }
            #expect(zero.sign == .minus)
            #expect(answer.statuses[0] == [.present, .present, .present, .notFound, .notFound])
            #expect(answer.eventTimes.map(\.microseconds) == [2, 1, 2, 0, 0])
        }
    }

    @Test("keeps versions, views and tenants apart, and drops one alone", arguments: Backend.allCases)
    func isolation(backend: Backend) throws {
        try backend.withStore { store, _ in
            let tenant = freshTenant()
            let views = [
                simpleView(tenant: tenant), simpleView(version: 2, tenant: tenant), simpleView("other", tenant: tenant),
                simpleView(),
            ]
            for (index, view) in views.enumerated() {
                try load(values((0..<300).map { Row(id: $0, x: Int64(index), event: 5) }), into: view, store)
            }
            func value(_ view: OnlineView) throws -> Value {
                try store.read(view, keys: [Column(.int64([1]))], at: now).columns[0][0]
            }
            for (index, view) in views.enumerated() { #expect(try value(view) == .int64(Int64(index))) }
            try store.drop(views[1].identity)
            #expect(try value(views[1]) == .null)
            #expect(try store.cursor(of: views[1].identity) == nil)
            #expect(try store.recordCount(of: views[1].identity) == 0)
            for index in [0, 2, 3] {
                #expect(try value(views[index]) == .int64(Int64(index)))
                #expect(try store.recordCount(of: views[index].identity) == 300)
            }
            #expect(try load(values([Row(id: 1, x: 8, event: 5)]), into: views[1], store).written == 1)
            #expect(try value(views[1]) == .int64(8))
        }
    }

    @Test("reads several views of several kinds of keys in one call", arguments: Backend.allCases)
    func severalViews(backend: Backend) throws {
        try backend.withStore { store, _ in
            let views = [simpleView(), simpleView(), simpleView()]
            for (index, view) in views.enumerated() {
                try load(
                    values((0..<50).map { Row(id: $0, x: $0 * 10 + Int64(index), event: 5) }), into: view, store)
            }
            let keys = [
                try EntityKeys([Column(.int64([7, 99]))], keys: views[0].keys),
                try EntityKeys([Column(.int64([3, 4, 5]))], keys: views[0].keys), EntityKeys(),
            ]
            let lookups = try [(0, 0), (1, 1), (2, 0), (0, 2)].map { view, group in
                RecordLookup(view: try store.handle(for: views[view].identity), keyIndex: group)
            }
            var table = RecordTable()
            var found: [UInt64?] = []
            try store.read(lookups, keys: keys, into: &table) { table in
                for (index, lookup) in lookups.enumerated() {
                    for key in 0..<keys[lookup.keyIndex].uniqueCount {
                        found.append(
                            try table.record(lookup: index, key: key).map { try LatestRow($0, featureCount: 1).bits(0) }
                        )
                    }
                }
            }
            #expect(found == [70, nil, 31, 41, 51, 72, nil])
        }
    }

    @Test("takes keys of any length and any bytes", arguments: Backend.allCases)
    func anyKeys(backend: Backend) throws {
        try backend.withStore { store, _ in
            let view = OnlineView(
                identity: identity(tenant: freshTenant()), keys: [Field("id", .bytes)], features: [Field("x", .int64)])
            let other = OnlineView(
                identity: identity("other", tenant: freshTenant()), keys: [Field("id", .bytes)],
                features: [Field("x", .int64)])
            var keys: [[UInt8]] = [
                [], [0], [0, 0], Array("}".utf8), Array("{}".utf8), Array("}{".utf8), Array("a}b{c}7".utf8),
                Array("*".utf8), Array("[a]?\\".utf8), Array("\r\n".utf8), [0xFF], [0xC3, 0x28],
            ]
            for length in [494, 495, 501, 502, 503, 511, 600, 2_030, 2_048, 5_000] {
                for last in UInt8(1)...3 { keys.append(Array(repeating: 7, count: length) + [last]) }
            }
            // Keys that end as the name of another view's record would.
            keys += (0..<20).map { Array("}\($0)".utf8) }
            func values(_ base: Int64, _ event: Int64) -> LatestValues {
                LatestValues(
                    keys: [Column(.bytes(byteStrings(keys)))],
                    features: [Column(.int64(keys.indices.map { base + Int64($0) }))],
                    eventTimes: keys.map { _ in event })
            }
            try load(values(100, 10), into: view, store)
            try load(values(1_000, 10), into: other, store)
            #expect(try load(values(200, 20), into: view, store).written == keys.count)
            #expect(try load(values(300, 15), into: view, store).keptNewer == keys.count)
            for (view, base) in [(view, 200), (other, 1_000)] as [(OnlineView, Int64)] {
                let asked = keys + [Array("absent".utf8), Array(repeating: 7, count: 700)]
                let answer = try store.read(view, keys: [Column(.bytes(byteStrings(asked)))], at: now)
                for index in keys.indices { #expect(answer.columns[0][index] == .int64(base + Int64(index))) }
                #expect(answer.statuses[0].suffix(2) == [.notFound, .notFound])
                #expect(try store.recordCount(of: view.identity) == keys.count)
            }
            try store.drop(view.identity)
            #expect(try store.recordCount(of: view.identity) == 0)
            #expect(try store.recordCount(of: other.identity) == keys.count)
        }
    }

    private func byteStrings(_ values: [[UInt8]]) -> ByteStrings {
        var strings = ByteStrings()
        for value in values { value.withUnsafeBytes { strings.append(contentsOf: $0) } }
        return strings
    }

    @Test("serves a new version beside the old one, and the old one again at once", arguments: Backend.allCases)
    func rollback(backend: Backend) throws {
        try backend.withStore { store, open in
            let tenant = freshTenant()
            let old = simpleView(tenant: tenant)
            // Another shape under the same name.
            let new = OnlineView(
                identity: identity(version: 2, tenant: tenant), keys: old.keys,
                features: [Field("x", .string), Field("y", .int64)])
            try load(values([Row(id: 1, x: 10, event: 5)]), into: old, store)
            var serving = old
            func status() throws -> FeatureStatus {
                try store.read(serving, keys: [Column(.int64([1]))], at: now).statuses[0][0]
            }
            var loading = try OnlineLoad(
                LoadIdentity(view: new.identity, upTo: .epoch, input: "b"), of: new, into: store)
            try loading.write(
                LatestValues(
                    keys: [Column(.int64([1]))],
                    features: [Column(.string(ByteStrings(["new"]))), Column(.int64([2]))], eventTimes: [6]))
            #expect(try status() == .present)
            _ = try loading.finish()
            serving = new
            #expect(try store.read(serving, keys: [Column(.int64([1]))], at: now).columns[0][0] == .string("new"))
            serving = old
            #expect(try store.read(serving, keys: [Column(.int64([1]))], at: now).columns[0][0] == .int64(10))
            #expect(try open().read(new, keys: [Column(.int64([1]))], at: now).columns[1][0] == .int64(2))
        }
    }
}
