internal import MartletCore
internal import MartletDefinitions
internal import MartletLog

/// What compaction goes by in the sources that say so: the values of their `compact_by` columns.
struct CompactionColumns: CompactionKeys {
    let sources: Set<String>
    private let keys: [String: Key]
    private let schemas: PayloadSchemas

    private struct Key {
        var version: UInt32
        /// Places of the columns, and how their values are written one behind the other.
        var columns: [Int]
        var layout: RowLayout
    }

    init(_ workspace: Workspace, _ definitions: AppliedDefinitions, _ schemas: PayloadSchemas) throws {
        var keys: [String: Key] = [:]
        for source in definitions.sources where !source.compactBy.isEmpty {
            let name = source.about.name
            let columns = source.compactBy.compactMap { name in source.columns.firstIndex { $0.name == name } }
            keys[name] = Key(
                version: try workspace.sourceVersion(name, definitions), columns: columns,
                layout: RowLayout(types: columns.map { source.columns[$0].type }))
        }
        self.keys = keys
        self.schemas = schemas
        sources = Set(keys.keys)
    }

    func keys(_ batch: LoggedBatch) throws(MartletError) -> [[UInt8]?] {
        let events = batch.events
        guard let key = keys[events.source] else { return Array(repeating: nil, count: events.count) }
        do {
            let all = try schemas.reader(events.source, written: events.schemaVersion, as: key.version)
                .columns(events.payloads)
            let columns = key.columns.map { all[$0] }
            let values = try key.layout.encode(columns)
            let name = Array(events.source.utf8)
            return (0..<events.count).map { row in
                // What has no whole key stands for itself.
                columns.contains { $0.isNull(row) } ? nil : name + [0] + Array(values.slice(row))
            }
        } catch let error as MartletError {
            throw error
        } catch {
            throw MartletError(.internalFault, "events of \(events.source) cannot be read for compaction", cause: error)
        }
    }
}
