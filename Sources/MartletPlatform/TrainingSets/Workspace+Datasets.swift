package import MartletCore
internal import MartletDefinitions
internal import MartletObjects
internal import MartletQuery
package import MartletRegistry
internal import MartletTables

extension Workspace {
    /// Builds a training set, writes it and records it.
    /// - Parameter output: a `.parquet`, `.csv` or `.jsonl` file, or a table such as `gold.training`. A file appears when it is
    ///   complete.
    package func writeTrainingSet(
        _ request: TrainingSetRequest, to output: String, principal: Principal,
        progress: any ProgressReporter = SilentProgress()
    ) throws -> TrainingSetRecord {
        let set = try trainingSet(request, progress: progress)
        progress.report("write \(output)", done: 0, total: nil)
        var hash = ""
        if let name = tableNamed(output) {
            let written = try table(name).overwrite(set.rows)
            hash = "version \(written.version)"
        } else {
            try writeFile(RowSource(set.rows), to: output)
            hash = try sha256OfFile(output)
        }
        var record = TrainingSetRecord(
            service: request.service, revision: try registry.current().revision,
            definitionVersions: set.definitionVersions, tableVersions: set.tableVersions, labelInput: request.labels,
            options: request.options, output: output, rowCount: Int64(set.rows.rowCount), hash: hash,
            createdAt: time.now(), principal: principal.name)
        record.id = try registry.record(record)
        return record
    }

    /// The request that builds a recorded training set again, from the versions of the tables that it was made from.
    /// - Throws: `notFound` for an unknown number, `conflict` where a definition has changed since.
    package func rebuildRequest(_ id: Int64) throws -> TrainingSetRequest {
        let record = try registry.trainingSet(id)
        let definitions = try appliedDefinitions()
        for key in definitions.all.map(\.key) {
            guard let then = record.definitionVersions[key.description], let now = definitions.version(of: key),
                now != then
            else { continue }
            throw MartletError(
                .conflict, "training set \(id) was built with version \(then) of \(key), the applied one is \(now)",
                fix: "take up the revision that had it: martlet rollback \(record.revision)")
        }
        return TrainingSetRequest(record)
    }
}

extension TrainingSetRequest {
    /// What is remembered beside the service and the labels.
    fileprivate var options: [String: String] {
        [
            "time_column": timeColumn, "as_known": asKnown.description, "full_names": usesFullNames.description,
            "known_only": keepsOnlyKnownEntities.description,
        ]
    }

    fileprivate init(_ record: TrainingSetRecord) {
        self.init(
            service: record.service, labels: record.labelInput,
            timeColumn: record.options["time_column"] ?? LabelSet.defaultTimeColumn,
            asKnown: record.options["as_known"] == "true", usesFullNames: record.options["full_names"] == "true",
            keepsOnlyKnownEntities: record.options["known_only"] == "true", tableVersions: record.tableVersions)
    }
}
