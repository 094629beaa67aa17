package import MartletCore
internal import MartletDefinitions
internal import MartletObjects
package import MartletRegistry

extension Workspace {
    /// Ingests rows that a client sent, by the one way in that files take.
    /// - Parameter idempotencyKey: ingestions with an equal key happen once; nil means the digest of the rows.
    /// - Throws: as `ingest` of files.
    package func ingest(
        _ source: String, rows: [UInt8], as format: UploadFormat, idempotencyKey: String? = nil, principal: Principal
    ) throws -> IngestReport {
        guard !rows.isEmpty else { throw MartletError(.invalidInput, "there are no rows in the request") }
        let folder = try UploadFolder(in: directory)
        let file = try folder.write(rows, to: "rows.\(format.fileEnding)")
        return try withoutPlace(of: folder) {
            try ingest(source, files: [file], idempotencyKey: idempotencyKey, principal: principal)
        }
    }

    /// Builds and records a training set for labels that a client sent. The labels and the set stay below
    /// `.martlet/datasets`, so that the set can be fetched and built again.
    /// - Parameters:
    ///   - request: its `labels` are ignored: these are the ones.
    ///   - idempotencyKey: a repeated request with the key of an earlier one gives what that one made.
    /// - Throws: as `trainingSet`; `conflict` for a key that was used for another request.
    package func writeTrainingSet(
        _ request: TrainingSetRequest, labels: [UInt8], as format: UploadFormat, idempotencyKey: String? = nil,
        principal: Principal
    ) throws -> TrainingSetRecord {
        guard !labels.isEmpty else { throw MartletError(.invalidInput, "there are no labels in the request") }
        let digest = try sha256(labels)
        let identity = [
            digest, request.service, request.timeColumn, request.asKnown.description,
            request.usesFullNames.description, request.keepsOnlyKnownEntities.description,
        ].joined(separator: "|")
        if let idempotencyKey,
            let answer = try registry.answer(operation: "training-set", key: idempotencyKey, request: identity)
        {
            return try dataset(answer)
        }
        let store = try datasetStore
        let name = "labels-\(digest).\(format.fileEnding)"
        if try store.entry(name) == nil { try store.put(name, labels) }
        guard let input = try store.localPath(name), let place = try store.localPath("sets") else {
            throw MartletError(.internalFault, "data sets are files of this machine")
        }
        try makeFolder(place)
        var request = request
        request.labels = input
        let output = "\(place)/\(digest.prefix(16))-\(String(UInt64.random(in: .min ... .max), radix: 16)).parquet"
        let record = try withoutPlace { try writeTrainingSet(request, to: output, principal: principal) }
        guard let idempotencyKey else { return record }
        return try dataset(
            registry.record(
                IdempotencyRecord(
                    operation: "training-set", key: idempotencyKey, request: identity, answer: "\(record.id)",
                    createdAt: time.now())))
    }

    /// The rows of a recorded training set that a client asked for, as Parquet.
    /// - Throws: `notFound` for one that was written elsewhere, `limitExceeded` for one larger than `limits.transfer`.
    package func datasetRows(_ record: TrainingSetRecord) throws -> [UInt8] {
        let store = try datasetStore
        let prefix = "\(store.location)/sets/"
        guard record.output.hasPrefix(prefix) else {
            throw MartletError(
                .notFound, "training set \(record.id) was not built by a request, so its rows are not kept here",
                fix: "read it where it was written")
        }
        let size = try store.entry("sets/\(record.output.dropFirst(prefix.count))")?.sizeBytes ?? 0
        guard size <= settings.limits.transferBytes else {
            throw MartletError(
                .limitExceeded,
                "training set \(record.id) has \(size) bytes, the limit is \(settings.limits.transferBytes)",
                fix: "ask for it in parts, raise limits.transfer, or build it with martlet training-set --out")
        }
        return try store.get(
            "sets/\(record.output.dropFirst(prefix.count))", sizeBytesMax: settings.limits.transferBytes)
    }

    private func dataset(_ id: String) throws -> TrainingSetRecord {
        guard let number = Int64(id) else { throw MartletError(.internalFault, "a kept answer is no number") }
        return try registry.trainingSet(number)
    }

    private var datasetStore: LocalObjectStore {
        get throws { try LocalObjectStore(url: "\(directory)/.martlet/datasets") }
    }

    /// Runs `body` and takes this machine's own paths out of what it throws: they tell a client nothing.
    private func withoutPlace<T>(of folder: UploadFolder? = nil, _ body: () throws -> T) throws -> T {
        // The folder lives until the body has ended.
        try withExtendedLifetime(folder) {
            do {
                return try body()
            } catch let error as MartletError where error.place != nil {
                throw MartletError(error.code, error.message, fix: error.fix, cause: error)
            }
        }
    }
}

private func sha256(_ bytes: [UInt8]) throws -> String {
    var digest = try SHA256Digest()
    try digest.update(bytes)
    return try digest.finishAsHex()
}
