internal import MartletCore

/// A line of a table's log (Delta protocol, "Actions").
enum DeltaAction: Sendable, Hashable {
    case `protocol`(TableProtocol)
    case metadata(TableMetadata)
    case add(DataFile)
    case remove(RemovedFile)
    case transaction(AppTransaction)
    case commitInfo(JSONValue)
    /// A kind that readers must ignore.
    case unknown(String)
}

/// The newest batch that an application has written; what makes its writes idempotent.
struct AppTransaction: Sendable, Hashable {
    var appID: String
    var version: Int64
    /// Milliseconds since the epoch.
    var lastUpdated: Int64?
}
