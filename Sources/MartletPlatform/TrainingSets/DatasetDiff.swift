internal import MartletCore
internal import MartletDefinitions
internal import MartletObjects
internal import MartletQuery
package import MartletRegistry
internal import MartletTables

/// Which columns of two training sets differ, and why.
package struct DatasetDiff: Sendable {
    package enum Change: Sendable, Hashable {
        case added, removed
        /// - Parameter rows: how many rows differ; nil where the rows cannot be laid side by side.
        case changed(rows: Int64?)
    }

    package struct Column: Sendable {
        package let name: String
        package let feature: String?
        package let change: Change
        /// Of the second set less that of the first.
        package let meanShift: Double?
        /// In sentences, each for one cause.
        package let reasons: [String]
    }

    package let from: TrainingSetRecord
    package let to: TrainingSetRecord
    /// Only those that differ.
    package let columns: [Column]
    /// How many are the same.
    package let equalColumns: Int

    package var isEqual: Bool { columns.isEmpty && from.rowCount == to.rowCount }
}

extension Workspace {
    /// - Throws: `notFound` for an unknown number, `invalidInput` for a set that is older than summaries of columns.
    package func compareTrainingSets(_ from: Int64, _ to: Int64) throws -> DatasetDiff {
        let (old, new) = (try registry.trainingSet(from), try registry.trainingSet(to))
        for record in [old, new] where record.columns.isEmpty {
            throw MartletError(
                .invalidInput, "training set \(record.id) was recorded without a summary of its columns",
                fix: "build it anew: martlet training-set \(record.service) --labels \(record.labelInput)")
        }
        let causes = try DatasetCauses(self, old, new)
        let before = Dictionary(uniqueKeysWithValues: old.columns.map { ($0.name, $0) })
        let after = Dictionary(uniqueKeysWithValues: new.columns.map { ($0.name, $0) })
        let changed = new.columns.filter { column in before[column.name].map { $0.hash != column.hash } ?? false }
        let rows = try differingRows(old, new, changed.map(\.name))
        var columns = new.columns.compactMap { column -> DatasetDiff.Column? in
            guard let old = before[column.name] else {
                return DatasetDiff.Column(
                    name: column.name, feature: column.feature, change: .added, meanShift: nil,
                    reasons: causes.reasons(for: column.feature))
            }
            guard old.hash != column.hash else { return nil }
            let shift = column.mean.flatMap { mean in old.mean.map { mean - $0 } }
            return DatasetDiff.Column(
                name: column.name, feature: column.feature, change: .changed(rows: rows[column.name]),
                meanShift: shift, reasons: causes.reasons(for: column.feature))
        }
        columns += old.columns.filter { after[$0.name] == nil }.map {
            DatasetDiff.Column(
                name: $0.name, feature: $0.feature, change: .removed, meanShift: nil,
                reasons: causes.reasons(for: $0.feature))
        }
        return DatasetDiff(
            from: old, to: new, columns: columns,
            equalColumns: new.columns.count - columns.count { $0.change != .removed })
    }

    /// Empty where the rows cannot be laid side by side: other labels, tables, or files that have changed since.
    private func differingRows(
        _ old: TrainingSetRecord, _ new: TrainingSetRecord, _ columns: [String]
    ) throws -> [String: Int64] {
        guard !columns.isEmpty, old.rowCount == new.rowCount, let digest = old.labelDigest, digest == new.labelDigest,
            [old, new].allSatisfy({ isParquet($0.output) && (try? sha256OfFile($0.output)) == $0.outputHash })
        else { return [:] }
        let counts = columns.map { name in
            "count_if(a.\(quotedIdentifier(name)) IS DISTINCT FROM b.\(quotedIdentifier(name)))"
        }
        let list = counts.enumerated().map { "\($1) AS n\($0)" }.joined(separator: ", ")
        let found = try engine.connect().query(
            """
            SELECT \(list) FROM read_parquet(\(quotedLiteral(old.output))) AS a
            POSITIONAL JOIN read_parquet(\(quotedLiteral(new.output))) AS b
            """)
        return Dictionary(uniqueKeysWithValues: zip(columns, found.columns).map { ($0, Int64($1[0].number ?? 0)) })
    }

    private func isParquet(_ output: String) -> Bool {
        tableNamed(output) == nil && (try? InputFormat(path: output)) == .parquet
    }
}

/// What may have made two sets differ.
private struct DatasetCauses {
    /// That touch every column.
    private var general: [String] = []
    /// By `features spending` and what it is made of.
    private var definitions: [DefinitionKey: [String]] = [:]
    /// By `silver.payments`.
    private var tables: [String: String] = [:]
    private let views: [String: FeatureViewDefinition]
    private let sources: [String]

    init(_ workspace: Workspace, _ old: TrainingSetRecord, _ new: TrainingSetRecord) throws {
        let before = try workspace.registry.definitions(at: old.revision)
        let after = try workspace.registry.definitions(at: new.revision)
        for change in RepositoryDiff(from: before.definitions, to: after.definitions).changes {
            guard case .changed(let fields) = change.action else { continue }
            definitions[change.key] = fields.map { "definition changed: \(change.key): \($0.text)" }
        }
        let applied = AppliedDefinitions(after)
        views = Dictionary(
            (AppliedDefinitions(before).views + applied.views).map { ($0.about.name, $0) }
        ) { $1 }
        sources = applied.sources.map(\.about.name)
        for (name, version) in new.tableVersions {
            guard let then = old.tableVersions[name], then != version else { continue }
            let table = try workspace.table(TableName(name))
            var text = "table changed: \(name) version \(then) -> \(version)"
            if let less = try table.snapshot(version: then).rowCount,
                let more = try table.snapshot(version: version).rowCount
            {
                text += more < less ? ", \(less - more) rows fewer" : ", \(more - less) rows added"
            }
            tables[name] = text
        }
        if old.options["as_known"] != new.options["as_known"] {
            func clock(_ record: TrainingSetRecord) -> String {
                record.options["as_known"] == "true" ? "as known" : "as true"
            }
            general.append("clock changed: \(clock(old)) -> \(clock(new))")
        }
        if old.labelInput != new.labelInput, old.labelDigest == nil || old.labelDigest != new.labelDigest {
            general.append("labels changed: \(old.labelInput) -> \(new.labelInput)")
        } else if old.labelDigest != new.labelDigest {
            general.append("labels changed: \(new.labelInput) has other rows")
        } else if let text = tables[old.labelInput] {
            general.append("labels changed: \(text)")
        }
        if old.options["time_column"] != new.options["time_column"] {
            general.append(
                "labels changed: their time is \(new.options["time_column"] ?? ""), was "
                    + "\(old.options["time_column"] ?? "")")
        }
        if old.options["known_only"] != new.options["known_only"] {
            general.append("labels changed: those of unknown entities are in one set only")
        }
    }

    func reasons(for feature: String?) -> [String] {
        guard let feature, let view = views[String(feature.prefix { $0 != ":" })] else { return general }
        // The view, and those that it reads, directly or through others.
        var chain = [view]
        var next = 0
        while next < chain.count {
            for name in chain[next].reads.map(\.view) where !chain.contains(where: { $0.about.name == name }) {
                if let other = views[name] { chain.append(other) }
            }
            next += 1
        }
        let read = Set(chain.flatMap { $0.querySources(among: sources) + [$0.source].compactMap { $0 } })
        var keys = chain.map { DefinitionKey(.features, $0.about.name) }
        keys += Set(chain.flatMap(\.entities)).sorted().map { DefinitionKey(.entity, $0) }
        keys += read.sorted().map { DefinitionKey(.source, $0) }
        return keys.flatMap { definitions[$0] ?? [] } + read.sorted().compactMap { tables["silver.\($0)"] } + general
    }
}
