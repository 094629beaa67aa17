internal import FoundationEssentials
internal import MartletCore
internal import MartletDefinitions
internal import MartletFeatures
internal import MartletObjects
internal import MartletQuery
internal import MartletTables

extension Workspace {
    /// Whether training sets are computed by Spark: `engine: spark`. All else is DuckDB's and the kernels'.
    var usesSpark: Bool { settings.engine.scheme == "spark" }

    /// The features of views at the labels, computed by Spark from exactly the files of the tables' versions.
    /// - Parameters:
    ///   - views: each with the join keys of its entities; their sources are attached to the connection.
    ///   - versions: of the silver tables.
    /// - Returns: for each view one column a feature, in the view's order, one row a label.
    /// - Throws: `invalidDefinition` for what Spark would not compute as the kernels do, `missingLibrary`,
    ///   `storeUnavailable` where the Spark job fails.
    func sparkFeatures(
        _ views: [(view: FeatureViewDefinition, keys: [Field])], labels: LabelSet, asKnown: Bool,
        _ definitions: AppliedDefinitions, versions: TableVersions, _ connection: QueryConnection,
        progress: any ProgressReporter, cancellation: Cancellation
    ) throws -> [[Column]] {
        let location = settings.engine.location
        let driver = try SparkDriver(
            master: location.isEmpty ? "local[*]" : location.hasPrefix("//") ? "spark:\(location)" : location)
        var job = SparkJob()
        var keys: [Field] = []
        for key in views.flatMap(\.keys) where !keys.contains(where: { $0.name == key.name }) { keys.append(key) }
        for (view, viewKeys) in views {
            var schemas: [String: Schema] = [:]
            guard let sourceName = view.source, view.reads.isEmpty else { throw notOnSpark(view) }
            let source = try definitions.source(sourceName)
            for name in Set(view.querySources(among: definitions.sources.map(\.about.name)) + [sourceName]).sorted() {
                let silver = try table(.silver(name))
                guard let version = versions[silver.name.description] else {
                    throw MartletError(.internalFault, "the source \(name) was not attached")
                }
                guard versions["removed.\(name)"] == nil else {
                    throw MartletError(
                        .invalidInput, "rows of source \(name) were taken back, which Spark does not follow",
                        fix: "leave `engine` out of martlet.yaml")
                }
                let snapshot = try silver.snapshot(version: version)
                schemas[name] = snapshot.schema
                if job.sources[name] == nil { job.sources[name] = try SparkSource(silver, snapshot) }
            }
            let rows = try SparkRows(view, keys: viewKeys, source: source, tables: schemas, connection: connection)
            let relations = SparkRelations(
                labelKeys: viewKeys.map { key in "key\(keys.firstIndex { $0.name == key.name } ?? 0)" }, rows: rows.sql,
                asKnown: asKnown)
            job.views.append(try sparkSQL(view, relations))
        }
        progress.report("features by Spark at \(location.isEmpty ? "local[*]" : location)", done: 0, total: nil)
        return try inJobFolder(cancellation) { folder in
            try writeFile(RowSource(try labelKeys(labels, keys)), to: "\(folder)/labels.parquet")
            try LocalObjectStore(url: folder).put("job.json", Array(job.json(in: folder).utf8))
            try driver.run(
                job: "\(folder)/job.json", log: "\(folder)/\(sparkLog)", memoryBytes: settings.limits.memoryBytes,
                cancellation: cancellation)
            return try job.views.indices.map { index in
                try readFeatures(job.views[index], "\(folder)/view\(index)", count: labels.rows.rowCount, connection)
            }
        }
    }

    /// Runs `body` with a folder of its own, which is removed after it. Where it fails, what Spark printed stays there,
    /// and the error names it.
    private func inJobFolder<T>(_ cancellation: Cancellation, _ body: (String) throws -> T) throws -> T {
        let folder = "\(directory)/.martlet/temporary/spark-\(String(UInt64.random(in: .min ... .max), radix: 16))"
        try makeFolder(folder)
        let files = FileManager.default
        do {
            let result = try body(folder)
            try? files.removeItem(atPath: folder)
            return result
        } catch {
            let log = "\(folder)/\(sparkLog)"
            if cancellation.isCancelled || !files.fileExists(atPath: log) {
                try? files.removeItem(atPath: folder)
                throw error
            }
            for name in (try? files.contentsOfDirectory(atPath: folder)) ?? [] where name != sparkLog {
                try? files.removeItem(atPath: "\(folder)/\(name)")
            }
            guard let error = error as? MartletError else { throw error }
            throw MartletError(
                error.code, error.message, place: .init(file: log), fix: error.fix, cause: error.cause)
        }
    }

    private func sparkSQL(_ view: FeatureViewDefinition, _ relations: SparkRelations) throws -> SparkViewSQL {
        let inputs = view.inputFields.map(\.name)
        if case .windowed = view.features { return try view.windowPlan(inputs: inputs).sparkSQL(relations) }
        guard case .latest(let features) = view.features else {
            throw notOnSpark(view)
        }
        let columns = try features.map { feature in
            guard let input = inputs.firstIndex(of: feature.column) else {
                throw MartletError(.internalFault, "the input \(feature.column) is not read")
            }
            return (type: feature.type, input: input)
        }
        return sparkLatestSQL(features: columns, ttl: view.ttl, relations: relations)
    }

    private func labelKeys(_ labels: LabelSet, _ keys: [Field]) throws -> RecordBatch {
        var columns: [(String, Column)] = [
            ("row", Column(.int64(Array(0..<Int64(labels.rows.rowCount))))), ("t", Column(.int64(labels.times))),
        ]
        for (index, key) in keys.enumerated() {
            guard let column = labels.rows[key.name] else {
                throw MartletError(.missingColumn, "no column \(key.name)")
            }
            columns.append(("key\(index)", column))
        }
        return RecordBatch(columns)
    }

    private func readFeatures(
        _ view: SparkViewSQL, _ folder: String, count: Int, _ connection: QueryConnection
    ) throws -> [Column] {
        let list = view.features.enumerated().map { index, feature in
            switch feature.type {
            case .timestamp: "make_timestamptz(f\(index)) AS f\(index)"
            default: "CAST(f\(index) AS \(feature.type.sqlName)) AS f\(index)"
            }
        }
        let batch = try connection.query(
            "SELECT \(list.joined(separator: ", ")) FROM read_parquet(\(quotedLiteral(folder + "/*.parquet"))) "
                + "ORDER BY row")
        guard batch.rowCount == count else {
            throw MartletError(.internalFault, "Spark gave \(batch.rowCount) rows for \(count) labels")
        }
        return batch.columns
    }
}

private let sparkLog = "spark.log"

/// Which labels have no event before them is not asked of Spark.
let knownOnlyOnSpark = MartletError(
    .usage, "labels of unknown entities cannot be dropped with `engine: spark`",
    fix: "build the set with all labels, or with `engine: duckdb`")

private func notOnSpark(_ view: FeatureViewDefinition) -> MartletError {
    MartletError(
        .invalidDefinition, "features \(view.about.name) are not computed on Spark: they read other views",
        place: view.about.place, fix: "docs/engines.md lists what is; build this set with `engine: duckdb`")
}
