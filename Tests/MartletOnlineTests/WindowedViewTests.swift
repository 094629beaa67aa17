import MartletCore
import MartletDefinitions
import MartletFeatures
import MartletOnline
import Testing

@Suite("A windowed view online")
struct WindowedViewTests {
    private let start = Timestamp(year: 2026, month: 5, day: 1)

    private func plan() throws -> WindowPlan {
        func aggregate(
            _ function: AggregateFunction, _ parameters: AggregateParameters = .init()
        ) -> WindowAggregate {
            WindowAggregate(
                name: "amount_\(function)", function: function, column: "amount", columnType: .float64,
                parameters: parameters, windows: [.hours(1), .days(1), .days(7)])
        }
        return try WindowPlan(
            aggregates: [
                aggregate(.count), aggregate(.sum), aggregate(.mean), aggregate(.max), aggregate(.last),
                aggregate(.lastN, .init(length: 3)), aggregate(.topK, .init(length: 2)),
                aggregate(.quantile, .init(quantile: 0.9)), aggregate(.decayedSum, .init(halfLife: .hours(6))),
                aggregate(.skewness), aggregate(.approxDistinct),
            ], inputColumns: ["amount": 0])
    }

    private func view(_ plan: WindowPlan) -> OnlineView {
        OnlineView(
            identity: identity("windows"), keys: [Field("id", .int64)],
            features: plan.features.map { Field($0.name, $0.type) }, kind: .windowed(TileAssembler(plan)))
    }

    private struct Events {
        var ids: [Int64] = []
        var times: [Int64] = []
        var amounts: [Double] = []
    }

    private func randomEvents(_ random: inout SeededRandom) -> Events {
        var events = Events()
        for _ in 0..<3_000 {
            events.ids.append(Int64.random(in: 0..<40, using: &random))
            events.times.append(start.microseconds + Int64.random(in: 0..<10 * 86_400_000_000, using: &random))
            events.amounts.append((random.uniform() * 1_000).rounded() / 100)
        }
        return events
    }

    private func columns(_ events: Events, _ index: EntityIndex) -> EventColumns {
        EventColumns(
            ids: index.ids, eventTimes: events.times, positions: events.times.indices.map { Int64($0) },
            inputs: [Column(.float64(events.amounts))])
    }

    private func loadTiles(
        _ events: Events, _ plan: WindowPlan, upTo: Timestamp, into view: OnlineView, _ store: any OnlineStore
    ) throws -> WriteCounts {
        let keys = Column(.int64(events.ids))
        let index = try EntityIndex([keys])
        let columns = columns(events, index)
        let records = try plan.buildTiles(events: columns, upTo: upTo)
        var load = try OnlineLoad(
            LoadIdentity(view: view.identity, upTo: upTo, input: "\(upTo)"), of: view, into: store)
        try load.write(
            TileStates(records, keys: [keys.gathering(fitting: index.firstRows)], events: columns, upTo: upTo))
        return try load.finish()
    }

    @Test("serves what the offline kernel computes, at any later moment", arguments: [UInt64(1), 2])
    func equality(seed: UInt64) throws {
        try withStore { store in
            var random = SeededRandom(seed: seed)
            let plan = try plan()
            let view = view(plan)
            let events = randomEvents(&random)
            let upTo = start + .days(9)
            _ = try loadTiles(events, plan, upTo: upTo, into: view, store)
            var before = Events()
            for row in events.ids.indices where events.times[row] < upTo.microseconds {
                before.ids.append(events.ids[row])
                before.times.append(events.times[row])
                before.amounts.append(events.amounts[row])
            }
            let index = try EntityIndex([Column(.int64(before.ids))])
            let asked = (0..<Int64(45)).map { $0 }
            let ids = try index.lookup([Column(.int64(asked))])
            for _ in 0..<10 {
                let time = upTo + TimeSpan(microseconds: Int64.random(in: 0..<8 * 86_400_000_000, using: &random))
                let labels = LabelColumns(ids: ids, times: asked.map { _ in time.microseconds })
                let expected = try plan.compute(events: columns(before, index), labels: labels)
                let answer = try store.read(view, keys: [Column(.int64(asked))], at: time)
                for (feature, column) in expected.enumerated() {
                    for row in asked.indices {
                        #expect(
                            answer.columns[feature][row] == column[row],
                            "seed \(seed), \(plan.features[feature].name) of \(asked[row]) at \(time)")
                    }
                }
            }
        }
    }

    @Test("says what stands behind a value")
    func statuses() throws {
        try withStore { store in
            let plan = try plan()
            let view = view(plan)
            let events = Events(ids: [1], times: [start.microseconds], amounts: [4])
            _ = try loadTiles(events, plan, upTo: start + .minutes(30), into: view, store)
            let answer = try store.read(
                view, keys: [Column(.int64([1, 2, 1]))], at: start + .hours(3))
            func read(_ name: String, _ row: Int) throws -> (Value, FeatureStatus) {
                let feature = try #require(view.featureIndex(name))
                return (answer.columns[feature][row], answer.statuses[feature][row])
            }
            #expect(try read("amount_count_1d", 0) == (.int64(1), .present))
            #expect(try read("amount_count_1h", 0) == (.int64(0), .present))
            #expect(try read("amount_max_1d", 0) == (.float64(4), .present))
            #expect(try read("amount_max_1h", 0) == (.null, .nullValue))
            #expect(try read("amount_count_7d", 1) == (.int64(0), .present))
            #expect(try read("amount_sum_7d", 1) == (.float64(0), .present))
            #expect(try read("amount_max_7d", 1) == (.null, .notFound))
            #expect(answer.eventTimes == [start, .epoch, start])
        }
    }

    @Test("refuses a moment before its tiles are complete")
    func tooEarly() throws {
        try withStore { store in
            let plan = try plan()
            let view = view(plan)
            let events = Events(ids: [1], times: [start.microseconds], amounts: [4])
            _ = try loadTiles(events, plan, upTo: start + .days(1), into: view, store)
            let keys = [Column(.int64([1]))]
            #expect(code { _ = try store.read(view, keys: keys, at: start + .hours(23)) } == .conflict)
            #expect(code { _ = try store.read(view, keys: keys, at: start + .days(1)) } == nil)
        }
    }

    @Test("tiles complete up to a later time win, whatever the order of loading", arguments: [true, false])
    func newestTiles(isLaterFirst: Bool) throws {
        try withStore { store in
            let plan = try plan()
            let view = view(plan)
            let early = Events(ids: [1], times: [start.microseconds], amounts: [4])
            let late = Events(
                ids: [1, 1], times: [start.microseconds, (start + .hours(30)).microseconds], amounts: [4, 6])
            func loadEarly() throws { _ = try loadTiles(early, plan, upTo: start + .days(1), into: view, store) }
            func loadLate() throws { _ = try loadTiles(late, plan, upTo: start + .days(2), into: view, store) }
            if isLaterFirst {
                try loadLate()
                try loadEarly()
            } else {
                try loadEarly()
                try loadLate()
            }
            let feature = try #require(view.featureIndex("amount_count_7d"))
            let answer = try store.read(view, keys: [Column(.int64([1]))], features: [feature], at: start + .days(2))
            #expect(answer.columns[0][0] == .int64(2))
        }
    }

    @Test("takes no latest values, and a latest-value view no tiles")
    func kinds() throws {
        let windowed = view(try plan())
        try withStore { store in
            try #require(throws: MartletError.self) { _ = try load(simpleValues([]), into: windowed, store) }
            try #require(throws: MartletError.self) { try loadNoTiles(into: simpleView(), store) }
        }
    }

    private func loadNoTiles(into view: OnlineView, _ store: any OnlineStore) throws {
        var loading = try OnlineLoad(
            LoadIdentity(view: view.identity, upTo: .epoch, input: ""), of: view, into: store)
        try loading.write(
            TileStates(keys: [Column(.int64([]))], states: ByteStrings(), eventTimes: [], upTo: .epoch))
        _ = try loading.finish()
    }
}
