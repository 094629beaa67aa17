internal import MartletCore
internal import MartletDefinitions
internal import MartletLog
internal import MartletQuery
internal import MartletTables

/// What landing did for one source.
struct Landing: Sendable {
    let source: String
    var rows = 0
    var version: Int64?
    /// Set where the rows wait in bronze.
    var criticalFailure: MartletError?
}

extension Workspace {
    /// The name under which tables remember, in a transaction, up to which offset of the log they hold their events.
    static let logTransaction = "log"

    /// Appends to `bronze.SOURCE` the events of the log that it does not hold yet, up to an offset. The table and how
    /// far it has come change in one commit, so that a crash before it loses nothing and a repetition adds nothing.
    func land(_ source: SourceDefinition, upTo end: Int64, _ definitions: AppliedDefinitions) throws -> Landing {
        let name = source.about.name
        let bronze = try table(.bronze(name))
        let before = try bronze.exists() ? bronze.snapshot() : nil
        let start = before?.transactionVersion(of: Self.logTransaction) ?? 0
        var landing = Landing(source: name, version: before?.version)
        guard start < end else { return landing }
        let intake = try intake
        let first = max(start, intake.log.startOffset)
        let found = try LoggedRows(
            source, version: try sourceVersion(name, definitions), from: first, to: end, in: intake.log, intake.schemas)
        guard let found else { return landing }
        var options = WriteOptions()
        options.schema = source.arrivedSchema
        options.evolution = .addColumns
        options.transaction = .init(appID: Self.logTransaction, version: end)
        options.notes = ["offsets": "\(first)..<\(end)"]
        let result = try bronze.append(found.rows, options)
        landing.rows = Int(result.rowCount)
        landing.version = result.version
        return landing
    }

    func sourceVersion(_ name: String, _ definitions: AppliedDefinitions) throws -> UInt32 {
        guard let version = definitions.version(of: DefinitionKey(.source, name)) else {
            throw MartletError(.internalFault, "the applied source \(name) has no version")
        }
        return UInt32(version)
    }
}
