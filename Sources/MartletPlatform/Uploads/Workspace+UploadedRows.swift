internal import Glibc
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
        // The folder lives until its rows are in.
        return try withExtendedLifetime(folder) {
            try ingest(source, files: [file], idempotencyKey: idempotencyKey, principal: principal)
        }
    }

    /// Removes what earlier processes left of requests that they did not live to answer. What a running process is
    /// writing stays.
    package func sweepUploads() throws { try UploadFolder.sweep(directory) }

    /// Builds and records a training set for labels that a client sent. The labels and the set stay below
    /// `.martlet/datasets`, so that the set can be fetched and built again; where nothing is built, nothing stays.
    /// - Parameters:
    ///   - request: its `labels` are ignored: these are the ones.
    ///   - idempotencyKey: a repeated request with the key of an earlier one gives what that one made; while that one
    ///     is being answered it waits.
    /// - Throws: as `trainingSet`; `conflict` for a key that was used for another request.
    package func writeTrainingSet(
        _ request: TrainingSetRequest, labels: [UInt8], as format: UploadFormat, idempotencyKey: String? = nil,
        principal: Principal, cancellation: Cancellation = Cancellation()
    ) throws -> TrainingSetRecord {
        guard !labels.isEmpty else { throw MartletError(.invalidInput, "there are no labels in the request") }
        let digest = try sha256(labels)
        let labels = UploadedLabels(bytes: labels, digest: digest, name: "labels-\(digest).\(format.fileEnding)")
        guard let idempotencyKey else { return try build(request, labels, principal, cancellation) }
        let identity = JSONValue.array(
            [
                digest, request.service, request.timeColumn, request.asKnown.description,
                request.usesFullNames.description, request.keepsOnlyKnownEntities.description,
                request.allowedLeakage.sorted().joined(separator: ","),
            ].map(JSONValue.string)
        ).text
        // One lock for a 256th of all keys: few files, and hardly ever waits one request for an unrelated one.
        return try withLock("training-set-key-\(try sha256(Array(idempotencyKey.utf8)).prefix(2))") {
            if let answer = try registry.answer(operation: "training-set", key: idempotencyKey, request: identity) {
                return try dataset(answer)
            }
            let record = try build(request, labels, principal, cancellation)
            try registry.record(
                IdempotencyRecord(
                    operation: "training-set", key: idempotencyKey, request: identity, answer: "\(record.id)",
                    createdAt: time.now()))
            return record
        }
    }

    private func build(
        _ request: TrainingSetRequest, _ labels: UploadedLabels, _ principal: Principal, _ cancellation: Cancellation
    ) throws -> TrainingSetRecord {
        let store = try datasetStore
        guard let input = try store.localPath(labels.name), let place = try store.localPath("sets") else {
            throw MartletError(.internalFault, "data sets are files of this machine")
        }
        try makeFolder(place)
        var request = request
        request.labels = input
        let number = String(UInt64.random(in: .min ... .max), radix: 16)
        let output = "\(place)/\(labels.digest.prefix(16))-\(number).parquet"
        let lock = try keep(labels, in: store, path: input)
        return try withExtendedLifetime(lock) {
            do {
                return try writeTrainingSet(request, to: output, principal: principal, cancellation: cancellation)
            } catch {
                unlink(output)
                // Others may build from the same labels now, or may have done so.
                if lock.tryExclusive(), try !registry.hasTrainingSet(labels: input) { try store.delete(labels.name) }
                throw error
            }
        }
    }

    /// Writes labels where they are not there yet.
    /// - Returns: a lock of the file: nobody removes it meanwhile.
    private func keep(_ labels: UploadedLabels, in store: LocalObjectStore, path: String) throws -> FileLock {
        while true {
            if try store.entry(labels.name) == nil { _ = try store.putIfAbsent(labels.name, labels.bytes) }
            if let lock = try FileLock.sharing(file: path) { return lock }
        }
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
}

private struct UploadedLabels {
    let bytes: [UInt8]
    /// SHA-256 of the bytes.
    let digest: String
    /// Below `.martlet/datasets`; equal labels have one.
    let name: String
}

func sha256(_ bytes: [UInt8]) throws -> String {
    var digest = try SHA256Digest()
    try digest.update(bytes)
    return try digest.finishAsHex()
}
