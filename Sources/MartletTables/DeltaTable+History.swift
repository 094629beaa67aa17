package import MartletCore

/// What one version of a table did, as its commit tells.
package struct TableVersion: Sendable, Hashable {
    package var version: Int64
    package var time: Timestamp
    /// `WRITE`, `CREATE TABLE`, …; empty where the writer said nothing.
    package var operation: String
    package var parameters: [String: String]
    package var metrics: [String: String]
    package var notes: [String: String]
    package var addedFiles: Int
    package var removedFiles: Int
}

extension DeltaTable {
    /// The versions, newest first, as far back as the log goes.
    /// - Parameter limit: at most so many.
    package func history(limit: Int = 1_000) throws -> [TableVersion] {
        let times = try versionTimes()
        if times.isEmpty { throw absent }
        return try times.suffix(limit).reversed().compactMap { version, time in
            guard let actions = try log.commit(version) else { return nil }
            var entry = TableVersion(
                version: version, time: time, operation: "", parameters: [:], metrics: [:], notes: [:], addedFiles: 0,
                removedFiles: 0)
            for action in actions {
                switch action {
                case .commitInfo(let info):
                    entry.operation = info["operation"]?.string ?? ""
                    entry.parameters = texts(info["operationParameters"])
                    entry.metrics = texts(info["operationMetrics"])
                    entry.notes = texts(info["martlet"])
                case .add: entry.addedFiles += 1
                case .remove: entry.removedFiles += 1
                case .protocol, .metadata, .transaction, .unknown: continue
                }
            }
            return entry
        }
    }
}

/// Other writers put numbers and lists where Spark puts texts.
private func texts(_ json: JSONValue?) -> [String: String] {
    (json?.object ?? [:]).mapValues { $0.string ?? $0.text }
}
