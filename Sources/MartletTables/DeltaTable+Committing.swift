internal import MartletCore
internal import MartletQuery

/// What a commit says of itself beside its actions.
struct CommitIntent {
    var operation: String
    var parameters: [String: String] = [:]
    var metrics: [String: String] = [:]
    var notes: [String: String] = [:]
    var transaction: WriteOptions.Transaction?
    var isBlindAppend = false
    /// The version whose files the rows were computed from.
    var basedOn: Int64?

    init(operation: String) { self.operation = operation }
}

extension DeltaTable {
    struct Commit {
        var version: Int64
        var outcome: WriteResult.Outcome
        var attempts: Int
        var checkpointFailure: String?
    }

    /// Makes the next version of the table, again and again until no other writer was faster.
    /// - Parameter build: the actions for the table as it is now (nil where there is none); nil means that nothing is
    ///   to be done.
    func commit(_ intent: CommitIntent, _ build: (Snapshot?) throws -> [DeltaAction]?) throws -> Commit {
        for attempt in 1...max(1, context.limits.commitAttempts) {
            let current = try currentSnapshot()
            let currentVersion = current?.version ?? -1
            if let transaction = intent.transaction,
                let last = current?.transactionVersion(of: transaction.appID), last >= transaction.version
            {
                return Commit(version: currentVersion, outcome: .alreadyWritten, attempts: attempt)
            }
            if let base = intent.basedOn, let current { try checkUnchanged(since: base, current) }
            guard var actions = try build(current) else {
                return Commit(version: currentVersion, outcome: .nothingToWrite, attempts: attempt)
            }
            // The clock may go back; the times of versions may not.
            let now = context.time.now()
            if let transaction = intent.transaction {
                actions.insert(
                    .transaction(
                        AppTransaction(
                            appID: transaction.appID, version: transaction.version,
                            lastUpdated: now.microseconds / 1_000)),
                    at: 0)
            }
            actions.insert(.commitInfo(information(intent, now, readVersion: currentVersion)), at: 0)
            let version = currentVersion + 1
            if try log.write(actions, version: version, at: now) {
                return Commit(
                    version: version, outcome: .committed, attempts: attempt,
                    checkpointFailure: checkpointFailure(after: version, actions, current))
            }
            wait(after: attempt)
        }
        throw MartletError(
            .conflict,
            "other writers of the table \(name) were faster \(context.limits.commitAttempts) times in a row",
            fix: "write again when fewer write at once, or in larger batches")
    }

    /// Rows computed from the table's own rows may replace them only while those are the same.
    private func checkUnchanged(since base: Int64, _ current: Snapshot) throws {
        if base == current.version { return }
        let before = try snapshot(version: base)
        guard before.files.map(\.path) == current.files.map(\.path) else {
            throw MartletError(
                .conflict, "the rows of the table \(name) changed after version \(base)",
                fix: "compute the rows again from version \(current.version)")
        }
    }

    private func wait(after attempt: Int) {
        // From 1 ms, doubled each time; the random half keeps writers that met once from meeting again.
        let ceiling = min(1_000 << UInt64(min(attempt - 1, 20)), UInt64(context.limits.backoffMicrosecondsMax))
        context.sleep(UInt32(ceiling / 2 + context.random() % max(1, ceiling / 2)))
    }

    private func information(_ intent: CommitIntent, _ now: Timestamp, readVersion: Int64) -> JSONValue {
        var members: [String: JSONValue] = [
            "timestamp": .integer(now.microseconds / 1_000), "operation": .string(intent.operation),
            "operationParameters": .object(intent.parameters.mapValues { .string($0) }),
            "isBlindAppend": .bool(intent.isBlindAppend), "isolationLevel": .string("Serializable"),
            "engineInfo": .string("martlet"),
        ]
        if !intent.metrics.isEmpty { members["operationMetrics"] = .object(intent.metrics.mapValues { .string($0) }) }
        if readVersion >= 0 { members["readVersion"] = .integer(readVersion) }
        if !intent.notes.isEmpty { members["martlet"] = .object(intent.notes.mapValues { .string($0) }) }
        return .object(members)
    }

    /// Writes the checkpoint where one is due. Failing costs only the time of later readers, so the commit stands.
    private func checkpointFailure(after version: Int64, _ actions: [DeltaAction], _ before: Snapshot?) -> String? {
        do {
            var state = before?.log.partial ?? LogState.Partial()
            state.apply(actions)
            let snapshot = try Snapshot(version: version, state: state, location: location)
            remember(snapshot)
            guard version > 0, version % snapshot.log.metadata.checkpointInterval == 0 else { return nil }
            try checkpoint(snapshot)
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// Writes a checkpoint of a version now, so that readers need not replay the commits before it.
    package func checkpoint(_ snapshot: Snapshot) throws {
        try log.writeCheckpoint(
            snapshot, now: context.time.now(), retention: context.limits.removedFileRetention,
            random: context.random(), context.engine.connect())
    }
}
