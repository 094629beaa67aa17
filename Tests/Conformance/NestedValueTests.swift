import MartletCore
import MartletOnline
import Testing

@Suite("Every online store, holding lists and maps,", .serialized)
struct NestedValueTests {
    private static let types: [DataType] =
        DataType.Element.allCases.map { .list($0) } + DataType.Element.allCases.map { .map($0) }

    private func element(_ type: DataType.Element, _ number: Int) -> Value {
        switch type {
        case .bool: .bool(number % 2 == 0)
        case .int32: .int32([Int32.min, 0, .max][number % 3])
        case .int64: .int64([Int64.min, -1, .max][number % 3])
        case .float32: .float32([-0.0, .infinity, 0.1][number % 3])
        case .float64: .float64([.leastNonzeroMagnitude, -.infinity, 0.1][number % 3])
        case .string: .string(["", "é", String(repeating: "long", count: 300)][number % 3])
        case .bytes: .bytes([[], [0], [255, 0, 10]][number % 3])
        case .timestamp: .timestamp(Timestamp(microseconds: [0, -1, 1_700_000_000_123_456][number % 3]))
        }
    }

    private func value(_ type: DataType, _ row: Int) -> Value {
        switch type {
        case .list(let element): .list((0..<row).map { self.element(element, $0) })
        case .map(let element):
            .map(Dictionary(uniqueKeysWithValues: (0..<row).map { ("k\($0)", self.element(element, $0)) }))
        default: .null
        }
    }

    @Test("gives back every type of them, empty ones and nulls too, as they were", arguments: Backend.allCases)
    func roundTrip(backend: Backend) throws {
        try backend.withStore { store, reopen in
            let fields = Self.types.enumerated().map { Field("f\($0)", $1) } + [Field("after", .int64)]
            let view = OnlineView(
                identity: identity(tenant: freshTenant()), keys: [Field("id", .int64)], features: fields)
            let columns = Self.types.map { type in
                var builder = ColumnBuilder(type)
                for row in 0..<5 { builder.append(row == 4 ? .null : value(type, row)) }
                return builder.finish()
            }
            try load(
                LatestValues(
                    keys: [Column(.int64([0, 1, 2, 3, 4]))], features: columns + [Column(.int64([7, 7, 7, 7, 7]))],
                    eventTimes: [1, 1, 1, 1, 1]), into: view, store)
            let keys = [Column(.int64([4, 3, 2, 1, 0, 3]))]
            for again in [store, try reopen()] {
                let answer = try again.read(view, keys: keys, at: Timestamp(microseconds: 9))
                for (feature, type) in Self.types.enumerated() {
                    #expect(
                        (0..<6).map { answer.columns[feature][$0] }
                            == [.null] + [3, 2, 1, 0, 3].map { value(type, $0) }, "\(type)")
                    #expect(answer.statuses[feature] == [.nullValue] + Array(repeating: .present, count: 5))
                }
                #expect(answer.columns[Self.types.count] == Column(.int64([7, 7, 7, 7, 7, 7])))
            }
        }
    }

    @Test("replaces a list by a newer one of another length, and by no older one", arguments: Backend.allCases)
    func newestWins(backend: Backend) throws {
        try backend.withStore { store, _ in
            let view = OnlineView(
                identity: identity(tenant: freshTenant()), keys: [Field("id", .int64)],
                features: [Field("v", .list(.float32))])
            func put(_ values: [Float], _ time: Int64) throws {
                let lists = ListValues(offsets: [0, Int32(values.count)], elements: Column(.float32(values)))
                try load(
                    LatestValues(
                        keys: [Column(.int64([1]))], features: [Column(.list(lists))], eventTimes: [time]), into: view,
                    store, input: "\(time)")
            }
            func held() throws -> Value {
                try store.read(view, keys: [Column(.int64([1]))], at: Timestamp(microseconds: 9)).columns[0][0]
            }
            try put([1, 2], 5)
            try put([3, 4, 5], 6)
            #expect(try held() == .list([.float32(3), .float32(4), .float32(5)]))
            try put([9], 4)
            #expect(try held() == .list([.float32(3), .float32(4), .float32(5)]))
        }
    }

    @Test("finds the nearest of a view's vectors, of that view alone", arguments: Backend.allCases)
    func nearest(backend: Backend) throws {
        try backend.withStore { store, _ in
            let tenant = freshTenant()
            let views = [1, 2].map { version in
                OnlineView(
                    identity: identity(version: version, tenant: tenant),
                    keys: [Field("id", .int64), Field("name", .string)], features: [Field("v", .list(.float32))],
                    vector: OnlineView.Vector(feature: 0, search: VectorSearch(metric: .l2, dimensions: 2)))
            }
            for (view, shift) in zip(views, [0, 1_000] as [Float]) {
                let ids = (0..<1_200).map { Int64($0) }
                let elements: [Float] = ids.flatMap { [Float($0) + shift, 0 as Float] }
                try load(
                    LatestValues(
                        keys: [
                            Column(.int64(ids.map { $0 - 600 })),
                            Column(.string(ByteStrings(ids.map { "}{ \($0)" }))),
                        ],
                        features: [
                            Column(
                                .list(
                                    ListValues(
                                        offsets: (0...1_200).map { Int32(2 * $0) }, elements: Column(.float32(elements))
                                    )))
                        ], eventTimes: ids.map { _ in 5 }), into: view, store)
            }
            let searcher = VectorSearcher(limitBytes: 1 << 30, threads: 1)
            for (view, expected) in zip(views, [[700, 699, 701], [0, 1, 2]] as [[Int64]]) {
                var found: [Value] = []
                try searcher.search(
                    view, for: [700, 0], count: 3, in: store, at: { Timestamp(microseconds: 9) }
                ) { hits in found = hits.flatMap(\.keys) }
                #expect(found == expected.flatMap { [.int64($0 - 600), .string("}{ \($0)")] })
            }
        }
    }
}
