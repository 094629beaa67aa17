import MartletCore
import MartletDefinitions
import MartletFeatures
import MartletOnline

/// The views that the targets read, with a record of each.
struct FuzzViews: Sendable {
    static let now = Timestamp(year: 2026, month: 11, day: 20, hour: 12)
    static let workspace = WorkspaceID(tenant: TenantID("fuzz")!, name: "main")!

    /// A feature of each type.
    let latest: OnlineView
    let windowed: OnlineView
    let latestRecord: [UInt8]
    let windowedRecord: [UInt8]

    init() throws {
        latest = OnlineView(
            identity: ViewIdentity(workspace: Self.workspace, view: "everything", version: 1),
            keys: [Field("id", .int64), Field("name", .string)],
            features: DataType.scalars.map { Field("f_\($0)", $0) }, ttl: .days(30))
        let plan = try Self.plan()
        windowed = OnlineView(
            identity: ViewIdentity(workspace: Self.workspace, view: "windows", version: 1),
            keys: [Field("id", .int64)], features: plan.features.map { Field($0.name, $0.type) },
            kind: .windowed(TileAssembler(plan)))
        let time = Self.now.microseconds - 3_600_000_000
        latestRecord = RecordChunk(
            LatestValues(
                keys: [Column(.int64([1])), Column(.string(ByteStrings(["a"])))], features: Self.values,
                eventTimes: [time]), rows: [0]
        ).withRecord(0) { Array($0) }
        let events = EventColumns(
            ids: [Int32](repeating: 0, count: 50), eventTimes: (0..<50).map { time - 7_200_000_000 * Int64($0) },
            positions: (0..<50).map { Int64($0) }, inputs: [Column(.float64((0..<50).map { Double($0) / 4 }))])
        let tiles = try plan.buildTiles(events: events, upTo: Self.now)
        let states = try TileStates(tiles, keys: [Column(.int64([1]))], events: events, upTo: Self.now)
        windowedRecord = RecordChunk(states, rows: [0]).withRecord(0) { Array($0) }
    }

    private static var values: [Column] {
        DataType.Element.allCases.map { element in
            switch element {
            case .bool: Column(.bool([true]))
            case .int32: Column(.int32([-7]))
            case .int64: Column(.int64([.max]))
            case .float32: Column(.float32([0.1]))
            case .float64: Column(.float64([-1e300]))
            case .string: Column(.string(ByteStrings(["say \"hé\"\n"])))
            case .bytes: Column(.bytes(ByteStrings(["foo"])))
            case .timestamp: Column(.timestamp([1_700_000_000_000_000]))
            }
        }
    }

    private static func plan() throws -> WindowPlan {
        func aggregate(_ function: AggregateFunction, _ parameters: AggregateParameters = .init()) -> WindowAggregate {
            WindowAggregate(
                name: "amount_\(function)", function: function, column: "amount", columnType: .float64,
                parameters: parameters, windows: [.hours(1), .days(1), .days(7)])
        }
        return try WindowPlan(
            aggregates: [
                aggregate(.count), aggregate(.sum), aggregate(.mean), aggregate(.max), aggregate(.last),
                aggregate(.lastN, .init(length: 3)), aggregate(.topK, .init(length: 2)),
                aggregate(.quantile, .init(quantile: 0.9)), aggregate(.decayedSum, .init(halfLife: .hours(6))),
                aggregate(.skewness), aggregate(.approxDistinct), aggregate(.distinct),
            ], inputColumns: ["amount": 0])
    }
}
