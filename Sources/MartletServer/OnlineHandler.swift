internal import MartletCore
internal import MartletHTTP
internal import MartletOnline
internal import MartletPlatform
internal import Synchronization

/// Answers `/get-online-features`, inline on the server's thread.
final class OnlineHandler: Sendable {
    let settings: FeatureServerSettings
    let store: any OnlineStore
    let time: any TimeSource
    let featureLog: FeatureLog?
    private let state: Mutex<ServingState>
    /// Memory of earlier requests; at most one for each thread of the server.
    private let scratches = Mutex<[OnlineScratch]>([])

    init(
        _ settings: FeatureServerSettings, _ catalog: ServingCatalog, _ store: any OnlineStore, _ time: any TimeSource,
        _ featureLog: FeatureLog? = nil
    ) {
        self.featureLog = featureLog
        self.settings = settings
        self.store = store
        self.time = time
        state = Mutex(ServingState(catalog, store, settings))
    }

    var catalog: ServingCatalog { serving.catalog }

    /// As it is now; who answers a request keeps it to its end.
    var serving: ServingState { state.withLock { $0 } }

    /// Requests that are being answered keep the catalog they began with.
    func replaceCatalog(_ catalog: ServingCatalog) {
        let new = ServingState(catalog, store, settings)
        state.withLock { $0 = new }
    }

    /// Writes the answer, or the refusal, to `writer`.
    /// - Parameter isPadded: whether `JSONDocument.paddingBytes` readable bytes follow the body.
    /// - Returns: the HTTP status.
    func answer(_ body: UnsafeRawBufferPointer, isPadded: Bool, _ writer: inout ByteWriter) -> Int {
        let start = writer.count
        let failure: FeastError
        do {
            try write(body, isPadded, to: &writer)
            return 200
        } catch let error as FeastError {
            failure = error
        } catch {
            failure = FeastError(error)
        }
        // Nothing of an answer that was begun may be seen.
        writer.truncate(to: start)
        writer.append(contentsOf: failure.body)
        return failure.status
    }

    private func write(_ body: UnsafeRawBufferPointer, _ isPadded: Bool, to writer: inout ByteWriter) throws {
        let document: JSONDocument
        do {
            document = try JSONDocument(parsing: body, isPadded: isPadded)
        } catch {
            throw FeastError(type: "json_invalid", at: [.index(0)], "JSON decode error: \(error.message)")
        }
        let scratch = scratches.withLock { $0.popLast() } ?? OnlineScratch()
        defer { scratches.withLock { $0.append(scratch) } }
        let request = try OnlineRequest(document.root, settings: settings, columns: &scratch.columns)
        let state = state.withLock { $0 }
        let plan = try state.plan(request, &scratch.known)
        try checkEntityNames(request, plan, state)
        try scratch.encode(plan, request, state.catalog)
        scratch.table.allowedStaleness = plan.options.maxStale
        try store.read(plan.lookups, keys: scratch.keys, into: &scratch.table) { table in
            // Read after the records: none of them knows of anything later.
            let instant = time.now()
            try scratch.fillAnswers(plan, table, instant)
            let derived = try plan.derivedColumns(scratch, request)
            if plan.options.logSampleRate > 0 {
                try log(request, plan, scratch, derived: derived, table, instant, state)
            }
            try OnlineAnswer.write(
                plan, scratch, derived: derived, rowCount: request.rowCount, isStale: table.isStale,
                keys: state.keyColumns(of: request, plan), to: &writer)
        }
    }

    func checkEntityNames(
        _ request: OnlineRequest, _ plan: ServingPlan, _ state: ServingState
    ) throws(FeastError) {
        for column in request.entities where !plan.hasKey(column.name) {
            let name = text(column.name)
            if state.joinKeys.contains(name) || state.catalog.entityKeys[name] != nil { continue }
            if state.requestNames.contains(name) { continue }
            let near = nearestName(to: name, among: state.joinKeys.union(state.requestNames).sorted())
            throw FeastError(
                type: "extra_forbidden", at: [.name("entities"), .name(name)],
                "there is no join key \(name)" + (near.map { "; did you mean \($0)?" } ?? ""))
        }
    }
}
