import MartletCore
import MartletOnline
import Testing

@Suite("A search for the nearest vectors")
struct VectorSearchTests {
    private static let now = Timestamp(microseconds: 1_000_000)

    private func view(
        _ metric: VectorMetric, dimensions: Int, version: Int = 1, ttl: TimeSpan? = nil
    ) -> OnlineView {
        OnlineView(
            identity: identity("documents", version: version), keys: [Field("id", .int64)],
            features: [Field("title", .string), Field("embedding", .list(.float32)), Field("year", .int32)], ttl: ttl,
            vector: OnlineView.Vector(feature: 1, search: VectorSearch(metric: metric, dimensions: dimensions)))
    }

    private func put(
        _ vectors: [Int64: [Float]?], into view: OnlineView, _ store: any OnlineStore, event: Int64 = 10,
        input: String = "a"
    ) throws {
        let ids = vectors.keys.sorted()
        var embeddings = ColumnBuilder(.list(.float32))
        for id in ids {
            embeddings.append(vectors[id].flatMap { $0 }.map { .list($0.map { .float32($0) }) } ?? .null)
        }
        _ = try load(
            LatestValues(
                keys: [Column(.int64(ids))],
                features: [
                    Column(.string(ByteStrings(ids.map { "document \($0)" }))), embeddings.finish(),
                    Column(.int32(ids.map { Int32(2_000 + $0 % 10) })),
                ], eventTimes: ids.map { _ in event }), into: view, store, input: input)
    }

    private func found(
        _ searcher: VectorSearcher, _ view: OnlineView, _ query: [Float], _ count: Int, _ store: any OnlineStore,
        filter: RecordFilter? = nil, at time: Timestamp = now
    ) throws -> [(id: Int64, distance: Double)] {
        var found: [(Int64, Double)] = []
        try searcher.search(view, for: query, count: count, filter: filter, in: store, at: { time }) { hits in
            for hit in hits {
                guard case .int64(let id) = hit.keys[0] else { continue }
                let title = try hit.row.value(0, .string)
                #expect(title == .string("document \(id)"))
                found.append((id, hit.distance))
            }
        }
        return found
    }

    /// All distances, computed the plain way, nearest first.
    private func oracle(_ vectors: [Int64: [Float]?], _ query: [Float], _ metric: VectorMetric)
        -> [(id: Int64, distance: Double)]
    {
        vectors.compactMap { id, vector -> (id: Int64, distance: Double)? in
            guard let vector, vector.count == query.count else { return nil }
            func length(_ values: [Float]) -> Double {
                values.map { Double($0) * Double($0) }.reduce(0, +).squareRoot()
            }
            let product = zip(vector, query).map { Double($0) * Double($1) }.reduce(0, +)
            switch metric {
            case .innerProduct: return (id, -product)
            case .l2: return (id, length(zip(vector, query).map { $0 - $1 }))
            case .cosine:
                let lengths = length(vector) * length(query)
                return lengths == 0 ? nil : (id, 1 - product / lengths)
            }
        }
        .sorted { ($0.distance, $0.id) < ($1.distance, $1.id) }
    }

    @Test("finds what comparing with every one finds", arguments: VectorMetric.allCases, [1, 3, 8, 33, 100])
    func oracle(metric: VectorMetric, dimensions: Int) throws {
        let seed = UInt64(dimensions)
        var random = SeededRandom(seed: seed)
        var vectors: [Int64: [Float]?] = [:]
        for id in 0..<Int64(500) {
            vectors[id] = (0..<dimensions).map { _ in Float(random.uniform() * 2 - 1) }
        }
        // Without a vector, of another length, without a length.
        vectors[500] = .some(nil)
        vectors[501] = [Float](repeating: 1, count: dimensions + 1)
        vectors[502] = [Float](repeating: 0, count: dimensions)
        try withStore { store in
            let view = view(metric, dimensions: dimensions)
            try put(vectors, into: view, store)
            let searcher = VectorSearcher(limitBytes: 1 << 30, threads: 2, time: FixedTimeSource(Self.now))
            for count in [1, 10, 600] {
                let query = (0..<dimensions).map { _ in Float(random.uniform() * 2 - 1) }
                let (hits, expected) = (
                    try found(searcher, view, query, count, store), oracle(vectors, query, metric).prefix(count)
                )
                #expect(hits.count == expected.count, "seed \(seed)")
                for (hit, wanted) in zip(hits, expected) {
                    // Ones that are equally near up to rounding may change places.
                    #expect(abs(hit.distance - wanted.distance) < 1e-6, "seed \(seed)")
                    let own = oracle(vectors.filter { $0.key == hit.id }, query, metric)
                    #expect(abs(hit.distance - (own.first?.distance ?? .infinity)) < 1e-6, "seed \(seed)")
                }
                #expect(Set(hits.map(\.id)).count == hits.count)
            }
        }
    }

    @Test("gives equal distances in the order of the keys")
    func ties() throws {
        try withStore { store in
            let view = view(.l2, dimensions: 2)
            try put(Dictionary(uniqueKeysWithValues: (0..<200).map { (Int64($0 - 100), [0, 1]) }), into: view, store)
            let searcher = VectorSearcher(limitBytes: 1 << 30, threads: 2, time: FixedTimeSource(Self.now))
            let hits = try found(searcher, view, [0, 0], 5, store)
            #expect(hits.map(\.id) == [-100, -99, -98, -97, -96])
            #expect(hits.allSatisfy { $0.distance == 1 })
        }
    }

    @Test("sees what is stored, replaced and deleted between searches, over a hot tier, too", arguments: [false, true])
    func changes(isHot: Bool) throws {
        try withStore { base in
            let store: any OnlineStore = isHot ? HotTier(over: base) : base
            let view = view(.l2, dimensions: 2)
            let searcher = VectorSearcher(limitBytes: 1 << 30, threads: 1, time: FixedTimeSource(Self.now))
            #expect(try found(searcher, view, [0, 0], 3, store).isEmpty)
            try put([1: [1, 0], 2: [2, 0], 3: [3, 0]], into: view, store)
            #expect(try found(searcher, view, [0, 0], 3, store).map(\.id) == [1, 2, 3])
            try put([1: [9, 0], 4: [0, 0]], into: view, store, event: 11, input: "b")
            #expect(try found(searcher, view, [0, 0], 3, store).map(\.id) == [4, 2, 3])
            _ = try store.delete(
                Deletions(keys: [Column(.int64([4, 2]))], eventTimes: [12, 12]), of: view)
            #expect(try found(searcher, view, [0, 0], 3, store).map(\.id) == [3, 1])
        }
    }

    @Test("does not find what is older than the ttl, and another version's vectors neither")
    func ttlAndVersions() throws {
        try withStore { store in
            let (old, new) = (
                view(.l2, dimensions: 2, ttl: TimeSpan(microseconds: 100)), view(.l2, dimensions: 2, version: 2)
            )
            let searcher = VectorSearcher(limitBytes: 1 << 30, threads: 1, time: FixedTimeSource(Self.now))
            try put([1: [1, 0]], into: old, store, event: 10)
            try put([2: [2, 0]], into: old, store, event: 50, input: "b")
            try put([7: [1, 0]], into: new, store)
            #expect(try found(searcher, old, [0, 0], 9, store, at: Timestamp(microseconds: 110)).map(\.id) == [1, 2])
            #expect(try found(searcher, old, [0, 0], 9, store, at: Timestamp(microseconds: 111)).map(\.id) == [2])
            #expect(try found(searcher, new, [0, 0], 9, store).map(\.id) == [7])
        }
    }

    @Test("with a filter goes on until it has found enough, or all")
    func filters() throws {
        try withStore { store in
            let view = view(.l2, dimensions: 1)
            try put(
                Dictionary(uniqueKeysWithValues: (0..<5_000).map { (Int64($0), [Float($0)]) }), into: view, store)
            let searcher = VectorSearcher(limitBytes: 1 << 30, threads: 1, time: FixedTimeSource(Self.now))
            func ids(_ filter: RecordFilter, _ count: Int = 3) throws -> [Int64] {
                try found(searcher, view, [0], count, store, filter: filter).map(\.id)
            }
            func year(_ comparison: RecordFilter.Comparison, _ values: Int64...) -> RecordFilter {
                .comparison(.feature(2, .int32), comparison, values.map { .int64($0) })
            }
            func key(_ comparison: RecordFilter.Comparison, _ values: Int64...) -> RecordFilter {
                .comparison(.key(0), comparison, values.map { .int64($0) })
            }
            #expect(try ids(year(.equal, 2_007)) == [7, 17, 27])
            #expect(try ids(year(.among, 2_003, 2_005)) == [3, 5, 13])
            #expect(try ids(.all([year(.greater, 2_007), year(.notEqual, 2_008)])) == [9, 19, 29])
            #expect(try ids(.any([key(.equal, 4_999), key(.lessOrEqual, 1)])) == [0, 1, 4_999])
            #expect(try ids(.all([key(.greaterOrEqual, 4_000), year(.notAmong, 2_000)])) == [4_001, 4_002, 4_003])
            #expect(try ids(key(.less, 0)).isEmpty)
            #expect(
                try ids(.comparison(.feature(0, .string), .equal, [.string("document 4321")])) == [4_321])
        }
    }

    @Test("refuses a query that is none of the view's vectors, and a limit of memory that is too small")
    func refusals() throws {
        try withStore { store in
            let view = view(.cosine, dimensions: 2)
            try put(
                Dictionary(uniqueKeysWithValues: (0..<3_000).map { (Int64($0), [1, Float($0)]) }), into: view, store)
            func refusal(_ query: [Float], limitBytes: Int = 1 << 30) -> MartletError.Code? {
                code {
                    let searcher = VectorSearcher(limitBytes: limitBytes, threads: 1)
                    _ = try found(searcher, view, query, 1, store)
                }
            }
            #expect(refusal([1]) == .invalidInput)
            #expect(refusal([0, 0]) == .invalidInput)
            #expect(refusal([.nan, 0]) == .invalidInput)
            #expect(refusal([1, 0], limitBytes: 100_000) == .limitExceeded)
            #expect(refusal([1, 0], limitBytes: 1_000_000) == nil)
        }
    }
}
