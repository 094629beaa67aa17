internal import MartletCore
internal import MartletDefinitions
internal import MartletFeatures
internal import MartletObjects
internal import MartletQuery
internal import MartletRegistry
internal import MartletTables

/// The share of one view with rows in a training set.
struct TrainingMember {
    let view: FeatureViewDefinition
    /// The join keys, in the view's order.
    let keys: [Field]
    /// Which of the view's features: those that the service lists, and those that derived ones need.
    let features: [Int]
    /// The column of each of them; `view__feature` of those that are not given out.
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
    /// What the service lists, made of the members' columns and of the labels'.
    let derived: DerivedComputation
    /// The service's features, in its order, and the columns that they get.
    let features: [FeatureReference]
    let featureNames: [String]
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

    /// Columns of the labels that are no values to be learned from: keys, times and what a request would give.
    var givenNames: Set<String> { Set(keys.map(\.name) + derived.request.map(\.name) + [request.timeColumn]) }
}

extension TrainingSetPlan {
    /// The rows as they are given out: here the columns of all views stand beside the labels they were computed for,
    /// for one slice of labels after another, whichever way the set is built.
    /// - Parameter slice: the labels' columns, then those of the members.
    func completed(_ slice: RecordBatch, isKnown: [Bool]?) throws -> RecordBatch {
        func column(_ name: String) throws -> Column {
            guard let column = slice[name] else { throw MartletError(.internalFault, "\(name) was not computed") }
            return column
        }
        let features = try derived.columns(
            stored: { reference in
                guard let member = members.first(where: { $0.view.about.name == reference.view }),
                    let index = member.features.firstIndex(where: { member.view.featureNames[$0] == reference.feature })
                else { throw MartletError(.internalFault, "\(reference.feature) is of no member") }
                return try column(member.columnNames[index])
            }, request: try derived.request.map { try column($0.name) }, count: slice.rowCount)
        let rows = RecordBatch(try labels.names.map { ($0, try column($0)) } + zip(featureNames, features))
        guard let isKnown else { return rows }
        return try rows.gathering(isKnown.indices.filter { isKnown[$0] }.map(Int32.init))
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
        let wanted = parts.flatMap { part in
            part.features.map { FeatureReference(view: part.view.about.name, feature: $0) }
        }
        let names = featureColumnNames(parts, usesFullNames: request.usesFullNames)
        let derived = try DerivedComputation(wanted, definitions)
        let given = Dictionary(zip(wanted, names)) { first, _ in first }
        let members = try derived.stored.map { part in
            let (view, name) = (part.view, part.view.about.name)
            let indices = try part.features.map { feature in
                guard let index = view.featureNames.firstIndex(of: feature) else {
                    throw MartletError(.internalFault, "an applied service names an existing feature")
                }
                return index
            }
            return TrainingMember(
                view: view, keys: try definitions.keys(of: view), features: indices,
                columnNames: part.features.map {
                    given[FeatureReference(view: name, feature: $0)] ?? "\(name)__\($0)"
                },
                hasArrivalTimes: try view.source.map { try definitions.source($0).arrivalTime != nil } ?? false)
        }
        let allowable = names + members.flatMap(\.columnNames)
        if let unknown = request.allowedLeakage.subtracting(allowable).sorted().first {
            throw MartletError(
                .unknownName, "the set has no feature \(unknown)",
                fix: nearestName(to: unknown, among: names).map { "did you mean \($0)?" })
        }
        var keys: [Field] = []
        for key in members.flatMap(\.keys) where !keys.contains(where: { $0.name == key.name }) { keys.append(key) }
        var versions: TableVersions = [:]
        let labels = try labelReading(request, keys: keys, values: derived.request, connection, &versions)
        if let clash = allowable.first(where: { labels.names.contains($0) }) {
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
            request: request, definitions: definitions, members: members, derived: derived, features: wanted,
            featureNames: names,
            keys: keys,
            definitionVersions: try definitionVersions(service, parts.map(\.view), definitions), labels: labels,
            labelDigest: tableNamed(request.labels) == nil ? try sha256OfFile(request.labels) : nil,
            tableVersions: versions, eventCounts: counts)
    }

    private func labelReading(
        _ request: TrainingSetRequest, keys: [Field], values: [Field], _ connection: QueryConnection,
        _ versions: inout TableVersions
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
            input, keys: keys, values: values, timeColumn: request.timeColumn, rowLimit: settings.limits.labelRows,
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
        _ service: ServiceDefinition, _ views: [FeatureViewDefinition], _ definitions: AppliedDefinitions
    ) throws -> [String: Int64] {
        let sources = definitions.sources.map(\.about.name)
        var keys = [DefinitionKey(.service, service.about.name)]
        for view in try views.flatMap({ try definitions.closure(of: $0) }) {
            keys.append(DefinitionKey(.features, view.about.name))
            keys += view.entities.map { DefinitionKey(.entity, $0) }
            keys += (view.querySources(among: sources) + [view.source].compactMap { $0 }).map {
                DefinitionKey(.source, $0)
            }
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
