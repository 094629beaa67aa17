internal import MartletCore
internal import MartletDefinitions
internal import MartletObjects
internal import MartletQuery
internal import MartletRegistry
internal import MartletTables

/// One view's share of a training set.
struct TrainingMember {
    let view: FeatureViewDefinition
    /// The join keys, in the view's order.
    let keys: [Field]
    /// Which of the view's features, in the service's order.
    let features: [Int]
    /// The column of each of them.
    let columnNames: [String]
    /// Whether arrival times are the source's own; else they are the moments of ingestion and say nothing of when an
    /// event could be known.
    let hasArrivalTimes: Bool
}

/// What a training set is made of, resolved and checked, before anything is computed.
struct TrainingSetPlan {
    let request: TrainingSetRequest
    let definitions: AppliedDefinitions
    let members: [TrainingMember]
    /// The join keys of all members, each once.
    let keys: [Field]
    /// Of the service and of all that it is made of.
    let definitionVersions: [String: Int64]
    let labels: LabelReading
    /// The digest of a label file; nil for a table, whose version tells.
    let labelDigest: String?
    /// Of every table that is read, the labels' included.
    let tableVersions: TableVersions
    /// The rows of the sources of each member, as the tables tell.
    let eventCounts: [Int64]

    var featureNames: [String] { members.flatMap(\.columnNames) }
}

extension TrainingSetPlan {
    /// The rows as they are given out: here the columns of all views stand beside the labels they were computed for,
    /// for one slice of labels after another, whichever way the set is built.
    func completed(_ slice: RecordBatch, isKnown: [Bool]?) -> RecordBatch {
        guard let isKnown else { return slice }
        return slice.gathering(isKnown.indices.filter { isKnown[$0] }.map(Int32.init))
    }
}

extension Workspace {
    /// - Throws: `unknownName` for the service or a feature that may leak, `missingColumn`, `missingTimeZone`,
    ///   `typeMismatch` for labels that do not fit, `notFound` for a source without rows.
    func trainingSetPlan(_ request: TrainingSetRequest, _ connection: QueryConnection) throws -> TrainingSetPlan {
        let definitions = AppliedDefinitions(
            try request.revision.map { try registry.definitions(at: $0) } ?? registry.current())
        let service = try definitions.service(request.service)
        let parts = try definitions.members(of: service)
        let names = featureColumnNames(parts, usesFullNames: request.usesFullNames)
        var next = 0
        let members = try parts.map { part in
            let order = part.view.featureNames
            let indices = try part.features.map { feature in
                guard let index = order.firstIndex(of: feature) else {
                    throw MartletError(.internalFault, "an applied service names an existing feature")
                }
                return index
            }
            defer { next += indices.count }
            return TrainingMember(
                view: part.view, keys: try definitions.keys(of: part.view), features: indices,
                columnNames: Array(names[next..<next + indices.count]),
                hasArrivalTimes: try definitions.source(part.view.source).arrivalTime != nil)
        }
        if let unknown = request.allowedLeakage.subtracting(names).sorted().first {
            throw MartletError(
                .unknownName, "the set has no feature \(unknown)",
                fix: nearestName(to: unknown, among: names).map { "did you mean \($0)?" })
        }
        var keys: [Field] = []
        for key in members.flatMap(\.keys) where !keys.contains(where: { $0.name == key.name }) { keys.append(key) }
        var versions: TableVersions = [:]
        let labels = try labelReading(request, keys: keys, connection, &versions)
        if let clash = names.first(where: { labels.names.contains($0) }) {
            throw MartletError(
                .invalidInput, "the labels have a column \(clash), which is also a feature",
                fix: "rename it in the labels, or ask for full feature names")
        }
        var counts: [Int64] = []
        for member in members {
            let read = try attachSources(
                of: member.view, definitions, pinned: request.tableVersions.merging(versions) { pin, _ in pin },
                to: connection)
            versions.merge(read) { $1 }
            counts.append(try read.reduce(0) { try $0 + rowCount(of: $1.key, version: $1.value, connection) })
        }
        return TrainingSetPlan(
            request: request, definitions: definitions, members: members, keys: keys,
            definitionVersions: definitionVersions(service, members, definitions), labels: labels,
            labelDigest: tableNamed(request.labels) == nil ? try sha256OfFile(request.labels) : nil,
            tableVersions: versions, eventCounts: counts)
    }

    private func labelReading(
        _ request: TrainingSetRequest, keys: [Field], _ connection: QueryConnection, _ versions: inout TableVersions
    ) throws -> LabelReading {
        let input: LabelInput
        if let name = tableNamed(request.labels) {
            let labels = try table(name)
            let snapshot =
                try request.tableVersions[request.labels].map { try labels.snapshot(version: $0) } ?? labels.snapshot()
            versions[request.labels] = snapshot.version
            let wanted = snapshot.schema.names.filter { !$0.hasPrefix("_") }
            input = .sql("(\(try labels.scanSQL(snapshot, columns: wanted)))")
        } else {
            input = .file(request.labels)
        }
        return try LabelReading(
            input, keys: keys, timeColumn: request.timeColumn, rowLimit: settings.limits.labelRows,
            connection: connection)
    }

    /// From the table's log, or by counting where that does not tell.
    private func rowCount(of name: String, version: Int64, _ connection: QueryConnection) throws -> Int64 {
        let table = try table(TableName(name))
        let snapshot = try table.snapshot(version: version)
        if let count = snapshot.rowCount { return count }
        let count = try connection.value("SELECT count(*) FROM (\(try table.scanSQL(snapshot)))")
        return Int64(count.number ?? 0)
    }

    private func definitionVersions(
        _ service: ServiceDefinition, _ members: [TrainingMember], _ definitions: AppliedDefinitions
    ) -> [String: Int64] {
        let sources = definitions.sources.map(\.about.name)
        var keys = [DefinitionKey(.service, service.about.name)]
        for view in members.map(\.view) {
            keys.append(DefinitionKey(.features, view.about.name))
            keys += view.entities.map { DefinitionKey(.entity, $0) }
            keys += (view.querySources(among: sources) + [view.source]).map { DefinitionKey(.source, $0) }
        }
        return Dictionary(keys.map { ($0.description, definitions.version(of: $0) ?? 0) }) { first, _ in first }
    }
}

/// The column of each feature: its bare name, or `view__feature` where bare names collide or full ones are wanted.
private func featureColumnNames(
    _ members: [(view: FeatureViewDefinition, features: [String])], usesFullNames: Bool
) -> [String] {
    let bare = members.flatMap(\.features)
    if !usesFullNames, Set(bare).count == bare.count { return bare }
    return members.flatMap { member in member.features.map { "\(member.view.about.name)__\($0)" } }
}
