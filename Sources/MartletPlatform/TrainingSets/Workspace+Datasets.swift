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
    ///
    /// The set is built beside its place, as a hidden file with the same ending, or for a table as a temporary file,
    /// and only put in place where the values are equal: whatever else happens, what lay there stays, and the new file
    /// goes.
    /// - Parameter output: nil means where it lay.
    /// - Throws: `notFound` for an unknown number, `conflict` where the labels have changed, `valuesDiffer` where the
    ///   values are others, `invalidInput` for a set without a hash of its values that is to be written as something
    ///   else than it was.
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
        let format = tableNamed(output) == nil ? try InputFormat(path: output) : nil
        if record.hash.isEmpty {
            let before = tableNamed(record.output) == nil ? try InputFormat(path: record.output) : nil
            guard let before, before == format else {
                throw MartletError(
                    .invalidInput, "training set \(id) has no hash of its values, so only equal files can be compared",
                    fix: before.map { "write it as \($0.rawValue), as it was" } ?? "build a new set")
            }
        }
        return try withTemporaryFolder("\(Self.rebuildPrefix)\(id)") { folder in
            let file = format == nil ? "\(folder)/rows.parquet" : hiddenFile(beside: output, "rebuild-\(id)")
            defer { unlink(file) }
            var built = try builtTrainingSet(
                TrainingSetRequest(record), to: file, principal: principal, memoryBytes: memoryBytes,
                progress: progress, cancellation: cancellation)
            // Sets older than hashes of values can only be compared by their file.
            let isEqual = record.hash.isEmpty ? record.outputHash == built.outputHash : record.hash == built.hash
            guard isEqual else { throw valuesDiffer(record, built) }
            built.outputHash = try putInPlace(file, output) ?? built.outputHash
            try registry.move(trainingSet: id, to: output, outputHash: built.outputHash)
            (built.id, built.output) = (id, output)
            return built
        }
    }

    /// - Returns: what is noted of a table instead of the file's hash.
    private func putInPlace(_ file: String, _ output: String) throws -> String? {
        guard let name = tableNamed(output) else {
            guard rename(file, output) == 0 else {
                throw MartletError(
                    .fileSystem, "the file cannot be put in place: \(unsafe String(cString: strerror(errno)))",
                    place: .init(file: output))
            }
            return nil
        }
        let rows = "SELECT * FROM read_parquet(\(quotedLiteral(file)))"
        return noted(try table(name).overwrite(rows, on: engine.connect()))
    }

    private func noted(_ written: WriteResult) -> String { "version \(written.version)" }

    private func valuesDiffer(_ record: TrainingSetRecord, _ built: TrainingSetRecord) -> MartletError {
        let before = Dictionary(record.columns.map { ($0.name, $0.hash) }) { first, _ in first }
        let names = built.columns.filter { column in before[column.name].map { $0 != column.hash } ?? false }
        return MartletError(
            .valuesDiffer,
            "training set \(record.id) built again has other values than it had"
                + (names.isEmpty ? "" : ", in " + names.map(\.name).joined(separator: ", ")),
            fix: "what was there is as it was; its record has the hash of each column: "
                + "martlet datasets show \(record.id)")
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
        if let name = tableNamed(output) { return noted(try table(name).overwrite(rows)) }
        try writeFile(rows, to: output)
        return try sha256OfFile(output)
    }
}

/// A name in the same folder, with the same ending.
private func hiddenFile(beside path: String, _ word: String) -> String {
    let start = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    let dot = path[start...].lastIndex(of: ".") ?? path.endIndex
    return "\(path[..<start]).\(path[start..<dot]).\(word)\(path[dot...])"
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
