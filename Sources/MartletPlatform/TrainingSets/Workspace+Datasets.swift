internal import Glibc
package import MartletCore
internal import MartletDefinitions
internal import MartletFeatures
internal import MartletObjects
internal import MartletQuery
package import MartletRegistry
internal import MartletTables

extension Workspace {
    /// Builds a training set, writes it and records it.
    /// - Parameter output: a `.parquet`, `.csv` or `.jsonl` file, or a table such as `gold.training`. A file appears
    ///   when it is complete.
    /// - Throws: see `trainingSet(_:memoryBytes:progress:cancellation:)`; then nothing is written or recorded.
    package func writeTrainingSet(
        _ request: TrainingSetRequest, to output: String, principal: Principal, memoryBytes: Int? = nil,
        progress: any ProgressReporter = SilentProgress(), cancellation: Cancellation = Cancellation()
    ) throws -> TrainingSetRecord {
        var record = try builtTrainingSet(
            request, to: output, principal: principal, memoryBytes: memoryBytes, progress: progress,
            cancellation: cancellation)
        record.id = try registry.record(record)
        return record
    }

    /// Builds a recorded set again, from the recorded definitions and versions of tables, and compares the hash of the
    /// values. The record then names the new place.
    /// - Parameter output: nil means where it lay.
    /// - Throws: `notFound` for an unknown number, `conflict` where the labels have changed, `valuesDiffer` where the
    ///   values are others; a file written is then removed.
    package func rebuildTrainingSet(
        _ id: Int64, to output: String? = nil, principal: Principal, memoryBytes: Int? = nil,
        progress: any ProgressReporter = SilentProgress(), cancellation: Cancellation = Cancellation()
    ) throws -> TrainingSetRecord {
        let record = try registry.trainingSet(id)
        if let digest = record.labelDigest, try sha256OfFile(record.labelInput) != digest {
            throw MartletError(
                .conflict, "the labels have changed since training set \(id) was built from them",
                place: .init(file: record.labelInput), fix: "put the old file back, or build a new set")
        }
        let output = output ?? record.output
        var built = try builtTrainingSet(
            TrainingSetRequest(record), to: output, principal: principal, memoryBytes: memoryBytes,
            progress: progress, cancellation: cancellation)
        // Sets older than hashes of values can only be compared by their file.
        let (then, now) =
            record.hash.isEmpty ? (record.outputHash, built.outputHash) : (record.hash, built.hash)
        guard then == now else {
            if tableNamed(output) == nil { unlink(output) }
            throw MartletError(
                .valuesDiffer, "training set \(id) built again has other values than it had",
                fix: "compare the two: its record has the hash of each column (martlet datasets show \(id))")
        }
        try registry.move(trainingSet: id, to: output, outputHash: built.outputHash)
        built.id = id
        return built
    }

    private func builtTrainingSet(
        _ request: TrainingSetRequest, to output: String, principal: Principal, memoryBytes: Int?,
        progress: any ProgressReporter, cancellation: Cancellation
    ) throws -> TrainingSetRecord {
        try withTrainingSet(request, memoryBytes: memoryBytes, progress: progress, cancellation: cancellation) { set in
            let summary = try SetSummary(set.rows.schema, threads: threads)
            progress.report("write \(output)", done: 0, total: nil)
            let outputHash = try write(summary.watching(set.rows, cancellation), to: output)
            let (hash, columns) = try summary.finish(features: set.plan.featureOfColumn)
            return TrainingSetRecord(
                service: request.service, revision: set.plan.definitions.revision,
                definitionVersions: set.plan.definitionVersions, tableVersions: set.plan.tableVersions,
                labelInput: request.labels, labelDigest: set.plan.labelDigest, options: request.options,
                output: output, rowCount: summary.rowCount, hash: hash, outputHash: outputHash, columns: columns,
                createdAt: time.now(), principal: principal.name)
        }
    }

    private func write(_ rows: RowSource, to output: String) throws -> String {
        if let name = tableNamed(output) { return "version \(try table(name).overwrite(rows).version)" }
        try writeFile(rows, to: output)
        return try sha256OfFile(output)
    }
}

extension TrainingSetPlan {
    /// `view:feature` of each feature's column.
    fileprivate var featureOfColumn: [String: String] {
        Dictionary(zip(featureNames, features.map { "\($0.view):\($0.feature)" })) { first, _ in first }
    }
}

extension TrainingSetRequest {
    /// What is remembered beside the service and the labels.
    fileprivate var options: [String: String] {
        [
            "time_column": timeColumn, "as_known": asKnown.description, "full_names": usesFullNames.description,
            "known_only": keepsOnlyKnownEntities.description,
            "allow_leakage": allowedLeakage.sorted().joined(separator: ","),
        ]
    }

    fileprivate init(_ record: TrainingSetRecord) {
        self.init(
            service: record.service, labels: record.labelInput,
            timeColumn: record.options["time_column"] ?? LabelSet.defaultTimeColumn,
            asKnown: record.options["as_known"] == "true", usesFullNames: record.options["full_names"] == "true",
            keepsOnlyKnownEntities: record.options["known_only"] == "true",
            allowedLeakage: Set((record.options["allow_leakage"] ?? "").split(separator: ",").map(String.init)),
            tableVersions: record.tableVersions, revision: record.revision)
    }
}
