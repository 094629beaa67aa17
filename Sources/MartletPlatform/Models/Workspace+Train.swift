package import MartletCore
internal import MartletDefinitions
package import MartletModels
internal import MartletObjects
internal import MartletQuery
package import MartletRegistry
internal import MartletTables

/// A trained and recorded model.
package struct TrainedModel: Sendable {
    package let record: ModelRunRecord
    package let report: TrainingReport
    package let seconds: Double
}

extension Workspace {
    /// Trains gradient boosted trees on a recorded training set, split by time, and records the run with its model
    /// file.
    /// - Parameters:
    ///   - trainingSet: the number of the set; nil means the newest of the service.
    ///   - label: a bool column, or one of 0 and 1.
    ///   - alsoFeatures: columns of the labels that are known at request time, such as the amount.
    /// - Throws: `notFound` without a training set, `missingColumn`, `typeMismatch`, `invalidInput` for a label of one
    ///   class.
    package func train(
        _ service: String, trainingSet: Int64? = nil, label: String, alsoFeatures: [String] = [],
        parameters: TreeParameters = TreeParameters(), principal: Principal,
        progress: any ProgressReporter = SilentProgress()
    ) throws -> TrainedModel {
        let started = time.now()
        let clock = time.monotonicNanoseconds()
        let set = try trainingSetRecord(trainingSet, service)
        let connection = try engine.connect()
        let rows = try connection.query("SELECT * FROM \(try relation(of: set, connection))")
        let names = try appliedDefinitions().members(of: appliedDefinitions().service(service)).flatMap { member in
            member.features.map { (full: "\(member.view.about.name)__\($0)", bare: $0) }
        }
        let features =
            alsoFeatures
            + names.compactMap { name in
                rows.schema[name.bare] != nil ? name.bare : rows.schema[name.full] != nil ? name.full : nil
            }
        var parameters = parameters
        parameters.threads = threads
        let task = TrainingTask(
            features: features, label: label, time: set.options["time_column"] ?? LabelSet.defaultTimeColumn,
            parameters: parameters)
        let (model, report) = try task.run(rows, progress: progress)

        let folder = "\(directory)/.martlet/models"
        try makeFolder(folder)
        var digest = try SHA256Digest()
        try digest.update(model.serialized())
        let hash = try digest.finishAsHex()
        // The name is the content's, so that a repetition writes the same file.
        let path = "\(folder)/\(service)-\(hash.prefix(16)).json"
        try model.save(to: path)
        var record = ModelRunRecord(
            service: service, trainingSet: set.id,
            parameters: Dictionary(parameters.named.map { ($0.name, $0.value.description) }) { $1 },
            metrics: Dictionary(report.namedMetrics.map { ($0.name, $0.value) }) { $1 },
            tableVersions: set.tableVersions,
            definitionVersions: set.definitionVersions, modelPath: path, modelHash: hash, startedAt: started,
            endedAt: time.now(), principal: principal.name)
        record.id = try registry.record(record)
        return TrainedModel(record: record, report: report, seconds: seconds(since: clock))
    }

    private func trainingSetRecord(_ id: Int64?, _ service: String) throws -> TrainingSetRecord {
        if let id {
            let record = try registry.trainingSet(id)
            guard record.service == service else {
                throw MartletError(.invalidInput, "training set \(id) is of service \(record.service)")
            }
            return record
        }
        guard let newest = try registry.trainingSets(service: service, limit: 1).first else {
            throw MartletError(
                .notFound, "service \(service) has no training set yet",
                fix: "build one: martlet training-set \(service) --labels FILE --out FILE")
        }
        return newest
    }

    private func relation(of set: TrainingSetRecord, _ connection: QueryConnection) throws -> String {
        if let name = tableNamed(set.output) {
            let table = try table(name)
            return "(\(try table.scanSQL(table.snapshot())))"
        }
        guard try sha256OfFile(set.output) == set.outputHash else {
            throw MartletError(
                .conflict, "the file of training set \(set.id) has changed since it was recorded",
                place: .init(file: set.output),
                fix: "build it again: martlet datasets rebuild \(set.id)")
        }
        return try InputRelation(files: [set.output], csv: CSVOptions(), connection: connection).sql
    }
}
