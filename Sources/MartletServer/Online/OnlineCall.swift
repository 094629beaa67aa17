internal import MartletCore
internal import MartletFeatures
internal import MartletHTTP
internal import MartletOnline

/// A request to `/v1/online`, taken apart and resolved: owns all it needs, so that it may be answered on another thread
/// than the one that parsed it.
struct OnlineCall: Sendable {
    enum Layout: Sendable { case rows, columns, arrow }

    /// A join key of the request with its values as they were understood.
    struct EntityColumn: Sendable {
        let name: String
        let column: Column
    }

    /// Kept to the end, whatever is applied meanwhile.
    let serving: ServingState
    let plan: NamedPlan
    let layout: Layout
    /// By the plan's key groups.
    let keys: [EntityKeys]
    /// By key group, for each row its unique key.
    let keyRows: [[Int]]
    let rowCount: Int
    let entities: [EntityColumn]
    /// One for each of the plan's request values.
    let requestValues: [Column]
    /// How long the answer may take from the arrival of the request; nil means as long as it takes.
    let deadlineMilliseconds: Int?
    /// Whether each row names a snapshot of its own.
    let hasRowSnapshots: Bool
    /// On the clock that never goes back.
    let startNanoseconds: UInt64

    static let deadlineLimitMilliseconds = 60_000
    static let arrowType = "application/vnd.apache.arrow.stream"
}

extension OnlineRequest {
    /// Of a door of our own, which has read the members itself.
    init(
        wanted: Wanted, hasFullNames: Bool, hasVersionMetadata: Bool, entities: [EntityColumn], rowCount: Int
    ) {
        self.wanted = wanted
        self.hasFullNames = hasFullNames
        self.hasVersionMetadata = hasVersionMetadata
        self.entities = entities
        self.rowCount = rowCount
    }
}

extension OnlineHandler {
    /// Takes a request apart.
    /// - Parameters:
    ///   - service: the one that the path names.
    ///   - acceptsArrow: whether the client wants an Arrow stream.
    /// - Throws: `OnlineRefusal`.
    func onlineCall(
        _ body: UnsafeRawBufferPointer, isPadded: Bool, service: String?, acceptsArrow: Bool
    ) throws -> OnlineCall {
        let start = time.monotonicNanoseconds()
        let document: JSONDocument
        do {
            document = try JSONDocument(parsing: body, isPadded: isPadded)
        } catch {
            throw OnlineRefusal(400, error)
        }
        do {
            let members = try OnlineMembers(document.root, service: service, settings)
            return try onlineCall(members, document.root, acceptsArrow: acceptsArrow, start)
        } catch let error as FeastError {
            throw OnlineRefusal(error)
        }
    }

    private func onlineCall(
        _ members: OnlineMembers, _ root: JSONElement, acceptsArrow: Bool, _ start: UInt64
    ) throws -> OnlineCall {
        let serving = serving
        let plan = try serving.plan(services: members.services, features: members.features, settings)
        let request = OnlineRequest(
            wanted: .features(root), hasFullNames: true, hasVersionMetadata: false, entities: members.columns,
            rowCount: try commonCount(members.columns, settings))
        try checkEntityNames(request, plan.serving, serving)
        var keys: [EntityKeys] = []
        var keyRows: [[Int]] = []
        for group in plan.serving.keyGroups {
            var encoded = EntityKeys()
            try encodeKeys(group, request, serving.catalog, into: &encoded)
            let nullKey = encoded.uniqueCount - 1
            keyRows.append(encoded.rows.prefix(request.rowCount).map { $0 < 0 ? nullKey : Int($0) })
            keys.append(encoded)
        }
        return OnlineCall(
            serving: serving, plan: plan, layout: acceptsArrow ? .arrow : members.layout, keys: keys, keyRows: keyRows,
            rowCount: request.rowCount, entities: try entityColumns(of: plan.serving, request, serving),
            requestValues: try plan.serving.derivation.request.map { field in try requestColumn(field, request) },
            deadlineMilliseconds: members.deadlineMilliseconds, hasRowSnapshots: members.hasRowSnapshots,
            startNanoseconds: start)
    }

    /// The join keys of a plan with their values as they are understood, each once.
    func entityColumns(
        of plan: ServingPlan, _ request: OnlineRequest, _ serving: ServingState
    ) throws(FeastError) -> [OnlineCall.EntityColumn] {
        var entities: [OnlineCall.EntityColumn] = []
        for group in plan.keyGroups {
            for key in group where !entities.contains(where: { $0.name == key.name }) {
                let given =
                    request.entities.first { isName($0.name, key.name) }
                    ?? request.entities.first { serving.catalog.entityKeys[text($0.name)] == key.name }
                guard let given else { continue }
                entities.append(OnlineCall.EntityColumn(name: key.name, column: try typedColumn(key, given)))
            }
        }
        return entities
    }
}
