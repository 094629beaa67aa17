internal import MartletCore
internal import MartletHTTP
internal import MartletOnline
internal import Synchronization

/// Answers `/get-online-features`, inline on the server's thread.
final class OnlineHandler: Sendable {
    private let settings: FeatureServerSettings
    private let store: any OnlineStore
    private let time: any TimeSource
    private let state: Mutex<ServingState>
    private let scratches = Mutex<[OnlineScratch]>([])

    init(
        _ settings: FeatureServerSettings, _ catalog: ServingCatalog, _ store: any OnlineStore, _ time: any TimeSource
    ) {
        self.settings = settings
        self.store = store
        self.time = time
        state = Mutex(ServingState(catalog, store, planLimit: settings.planLimit))
    }

    var catalog: ServingCatalog { state.withLock { $0 }.catalog }

    /// Requests that are being answered keep the catalog they began with.
    func replaceCatalog(_ catalog: ServingCatalog) {
        let new = ServingState(catalog, store, planLimit: settings.planLimit)
        state.withLock { $0 = new }
    }

    func answer(_ request: borrowing Request, _ writer: inout ByteWriter) -> Reply {
        do {
            try write(request.body, to: &writer)
            return .written(status: 200, .json)
        } catch let error as FeastError {
            return .response(error.response)
        } catch {
            return .response(FeastError(error).response)
        }
    }

    private func write(_ body: UnsafeRawBufferPointer, to writer: inout ByteWriter) throws {
        let document: JSONDocument
        do {
            document = try JSONDocument(parsing: body, isPadded: true)
        } catch {
            throw FeastError(type: "json_invalid", at: [.index(0)], "JSON decode error: \(error.message)")
        }
        let request = try OnlineRequest(document.root, settings: settings)
        let state = state.withLock { $0 }
        let plan = try state.plan(request)
        try checkEntityNames(request, state)
        let scratch = scratches.withLock { $0.popLast() } ?? OnlineScratch()
        defer { scratches.withLock { $0.append(scratch) } }
        try scratch.encode(plan, request, state.catalog)
        let now = time.now()
        try store.read(scratch.lookups(plan), keys: scratch.keys, into: &scratch.table) { table in
            var answers: [ViewAnswer] = []
            answers.reserveCapacity(plan.parts.count)
            for (index, part) in plan.parts.enumerated() {
                answers.append(
                    try ViewAnswer(
                        part.view, features: part.features, lookup: index,
                        keyCount: scratch.keys[part.keyGroup].uniqueCount, in: table, at: now))
            }
            var answer = OnlineAnswer(plan, answers, keyRows: scratch.keyRows, rowCount: request.rowCount)
            try answer.write(request, state, to: &writer)
        }
    }

    private func checkEntityNames(_ request: OnlineRequest, _ state: ServingState) throws(FeastError) {
        for column in request.entities {
            let name = text(column.name)
            if state.joinKeys.contains(name) || state.catalog.entityKeys[name] != nil { continue }
            let near = nearestName(to: name, among: state.joinKeys.sorted())
            throw FeastError(
                type: "extra_forbidden", at: [.name("entities"), .name(name)],
                "there is no join key \(name)" + (near.map { "; did you mean \($0)?" } ?? ""))
        }
    }
}

/// What one request needs and the next one uses again.
private final class OnlineScratch: @unchecked Sendable {
    // @unchecked: the pool gives it to one request at a time.
    private(set) var keys: [EntityKeys] = []
    private(set) var keyRows: [[Int]] = []
    var table = RecordTable()

    func encode(_ plan: ServingPlan, _ request: OnlineRequest, _ catalog: ServingCatalog) throws(FeastError) {
        while keys.count < plan.keyGroups.count {
            keys.append(EntityKeys())
            keyRows.append([])
        }
        for (index, group) in plan.keyGroups.enumerated() {
            try encodeKeys(group, request, catalog, into: &keys[index])
            keyRows[index].removeAll(keepingCapacity: true)
            let nullKey = keys[index].uniqueCount - 1
            for row in 0..<request.rowCount {
                let key = Int(keys[index].rows[row])
                keyRows[index].append(key < 0 ? nullKey : key)
            }
        }
    }

    func lookups(_ plan: ServingPlan) -> [RecordLookup] {
        plan.parts.map { RecordLookup(view: $0.handle, keyIndex: $0.keyGroup) }
    }
}
