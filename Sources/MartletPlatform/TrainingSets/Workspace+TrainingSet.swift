package import MartletCore
internal import MartletDefinitions
internal import MartletFeatures
internal import MartletQuery
internal import MartletRegistry
internal import MartletTables

/// What a training set is built from.
package struct TrainingSetRequest: Sendable {
    package var service: String
    /// A file (CSV, JSON lines, Parquet) or a table (`silver.loans`).
    package var labels: String
    package var timeColumn: String
    /// Whether only events known at the label's time count; otherwise all that are known today.
    package var asKnown: Bool
    /// Names features `view__feature`, also where the bare names do not collide.
    package var usesFullNames: Bool
    /// Drops the label rows for which some view has no event before the label; off, exactly the label rows come out.
    package var keepsOnlyKnownEntities: Bool
    /// Table versions to read instead of the newest.
    package var tableVersions: [String: Int64]

    package init(
        service: String, labels: String, timeColumn: String = LabelSet.defaultTimeColumn, asKnown: Bool = false,
        usesFullNames: Bool = false, keepsOnlyKnownEntities: Bool = false, tableVersions: [String: Int64] = [:]
    ) {
        self.service = service
        self.labels = labels
        self.timeColumn = timeColumn
        self.asKnown = asKnown
        self.usesFullNames = usesFullNames
        self.keepsOnlyKnownEntities = keepsOnlyKnownEntities
        self.tableVersions = tableVersions
    }
}

/// Labels with their features, and what they were made from.
package struct TrainingSet: Sendable {
    /// The label columns in their order, then one column a feature in the service's order.
    package let rows: RecordBatch
    package let timeColumn: String
    package let featureNames: [String]
    /// Of every table read, the labels' included.
    package let tableVersions: [String: Int64]
    /// Of every view and of the service.
    package let definitionVersions: [String: Int64]
}

extension Workspace {
    /// Joins the features of a service to label rows, each as of its own time. Exactly the label rows come out, in
    /// their order.
    /// - Throws: `unknownName` for the service, `missingColumn`, `missingTimeZone`, `typeMismatch` for labels that do
    ///   not fit, `notFound` for a source without rows.
    package func trainingSet(
        _ request: TrainingSetRequest, progress: any ProgressReporter = SilentProgress()
    ) throws -> TrainingSet {
        let definitions = try appliedDefinitions()
        let service = try definitions.service(request.service)
        let members = try definitions.members(of: service)
        let wanted = members.flatMap { member in
            member.features.map { FeatureReference(view: member.view.about.name, feature: $0) }
        }
        let computation = try DerivedComputation(wanted, definitions)
        var keys: [Field] = []
        for member in computation.stored {
            for key in try definitions.keys(of: member.view) where !keys.contains(where: { $0.name == key.name }) {
                keys.append(key)
            }
        }
        let connection = try engine.connect()
        var versions: [String: Int64] = [:]
        let labels = try loadLabels(request, keys: keys, values: computation.request, connection, &versions)

        let names = featureColumnNames(members, usesFullNames: request.usesFullNames)
        if let clash = names.first(where: { labels.rows.schema[$0] != nil }) {
            throw MartletError(
                .invalidInput, "the labels have a column \(clash), which is also a feature",
                fix: "rename it in the labels, or ask for full feature names")
        }
        var columns: [(String, Column)] = zip(labels.rows.schema.names, labels.rows.columns).map { ($0, $1) }
        var isKnown = [Bool](repeating: true, count: labels.rows.rowCount)
        var stored: [FeatureReference: Column] = [:]
        let fromSpark =
            try usesSpark
            ? sparkMembers(computation.stored, labels, request, definitions, connection, &versions, progress) : nil
        for (number, member) in computation.stored.enumerated() {
            progress.report("features of \(member.view.about.name)", done: number, total: computation.stored.count)
            versions.merge(
                try attachSources(of: member.view, definitions, pinned: request.tableVersions, to: connection)
            ) { $1 }
            if let fromSpark {
                for (name, column) in zip(member.view.featureNames, fromSpark[number]) {
                    stored[FeatureReference(view: member.view.about.name, feature: name)] = column
                }
                continue
            }
            let query = try viewQuery(member.view, definitions, connection)
            let kernels = try ViewComputation(member.view, try query.load(connection))
            let keyColumns = try query.keys.map { key in
                guard let column = labels.rows[key.name] else {
                    throw MartletError(.missingColumn, "no column \(key.name)")
                }
                return column
            }
            let all = try kernels.features(
                keys: keyColumns, times: labels.times, asKnown: request.asKnown, threads: threads)
            if request.keepsOnlyKnownEntities {
                for (row, known) in try kernels.isKnown(keys: keyColumns, times: labels.times).enumerated()
                where !known {
                    isKnown[row] = false
                }
            }
            let order = member.view.featureNames
            for feature in member.features {
                guard let index = order.firstIndex(of: feature) else {
                    throw MartletError(.internalFault, "an applied service names an existing feature")
                }
                stored[FeatureReference(view: member.view.about.name, feature: feature)] = all[index]
            }
        }
        let features = try computation.columns(
            stored: { reference in
                guard let column = stored[reference] else {
                    throw MartletError(.internalFault, "\(reference.view):\(reference.feature) was not computed")
                }
                return column
            },
            request: try computation.request.map { field in
                guard let column = labels.rows[field.name] else {
                    throw MartletError(.missingColumn, "no column \(field.name)")
                }
                return column
            }, count: labels.rows.rowCount)
        columns += zip(names, features).map { ($0, $1) }
        progress.report("features", done: members.count, total: members.count)
        var rows = RecordBatch(columns)
        if request.keepsOnlyKnownEntities {
            rows = rows.gathering(isKnown.indices.filter { isKnown[$0] }.map(Int32.init))
        }
        return TrainingSet(
            rows: rows, timeColumn: request.timeColumn, featureNames: names, tableVersions: versions,
            definitionVersions: definitionVersions(service, members, definitions))
    }

    private func sparkMembers(
        _ members: [(view: FeatureViewDefinition, features: [String])], _ labels: LabelSet,
        _ request: TrainingSetRequest, _ definitions: AppliedDefinitions, _ connection: QueryConnection,
        _ versions: inout TableVersions, _ progress: any ProgressReporter
    ) throws -> [[Column]] {
        guard !request.keepsOnlyKnownEntities else { throw knownOnlyOnSpark }
        for member in members {
            versions.merge(
                try attachSources(of: member.view, definitions, pinned: request.tableVersions, to: connection)
            ) { $1 }
        }
        return try sparkFeatures(
            members.map { ($0.view, try definitions.keys(of: $0.view)) }, labels: labels, asKnown: request.asKnown,
            definitions, versions: versions, connection, progress: progress)
    }

    private func loadLabels(
        _ request: TrainingSetRequest, keys: [Field], values: [Field], _ connection: QueryConnection,
        _ versions: inout [String: Int64]
    ) throws -> LabelSet {
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
        return try LabelSet(
            input, keys: keys, values: values, timeColumn: request.timeColumn, rowLimit: settings.limits.labelRows,
            connection: connection)
    }

    private func definitionVersions(
        _ service: ServiceDefinition, _ members: [(view: FeatureViewDefinition, features: [String])],
        _ definitions: AppliedDefinitions
    ) -> [String: Int64] {
        var keys = [DefinitionKey(.service, service.about.name)]
        keys += members.map { DefinitionKey(.features, $0.view.about.name) }
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
