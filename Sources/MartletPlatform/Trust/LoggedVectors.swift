internal import MartletCore
internal import MartletDefinitions
internal import MartletFeatures
internal import MartletOnline
internal import MartletQuery

/// Rows of `served.SERVICE` that were served by one revision of the definitions.
struct LoggedVectors {
    let batch: RecordBatch
    let definitions: AppliedDefinitions
    let snapshots: [ServedSnapshot]
    /// The features of the service, in its order.
    let references: [FeatureReference]

    var count: Int { batch.rowCount }
    var times: [Int64] { snapshots.map(\.instant.microseconds) }

    init(_ batch: RecordBatch, service: String, _ definitions: AppliedDefinitions) throws {
        self.batch = batch
        self.definitions = definitions
        guard let texts = batch[ServedColumn.snapshot] else { throw Self.foreign(service) }
        snapshots = try (0..<batch.rowCount).map { row in
            guard case .string(let text) = texts[row] else { throw Self.foreign(service) }
            return try ServedSnapshot(text: text)
        }
        references = try definitions.members(of: definitions.service(service)).flatMap { member in
            member.features.map { FeatureReference(view: member.view.about.name, feature: $0) }
        }
    }

    func gathering(_ rows: [Int32]) throws -> LoggedVectors {
        LoggedVectors(
            batch: try batch.gathering(rows), definitions: definitions, snapshots: rows.map { snapshots[Int($0)] },
            references: references)
    }

    private init(
        batch: RecordBatch, definitions: AppliedDefinitions, snapshots: [ServedSnapshot],
        references: [FeatureReference]
    ) {
        self.batch = batch
        self.definitions = definitions
        self.snapshots = snapshots
        self.references = references
    }

    /// The join keys of a view, row by row.
    func keys(of view: FeatureViewDefinition) throws -> [Column] {
        try definitions.keys(of: view).map { try column($0.name) }
    }

    func column(_ name: String) throws -> Column {
        guard let column = batch[name] else {
            throw MartletError(.missingColumn, "the logged vectors have no column \(name)")
        }
        return column
    }

    /// `customer_id=42,card_id=7`
    func entity(_ row: Int) -> String {
        var names: [String] = []
        for reference in references {
            guard let view = try? definitions.view(reference.view), let keys = try? definitions.keys(of: view) else {
                continue
            }
            for key in keys where !names.contains(key.name) { names.append(key.name) }
        }
        return names.map { "\($0)=\(batch[$0]?[row] ?? .null)" }.joined(separator: ",")
    }

    private static func foreign(_ service: String) -> MartletError {
        MartletError(.corruptData, "the table served.\(service) has rows that are no served vectors")
    }
}

extension ViewQuery {
    /// The rows of some entities.
    /// - Parameter keys: one column a key; rows with nulls are no entity.
    func load(_ connection: QueryConnection, entities keys: [Column], where condition: String) throws -> ViewRows {
        try connection.register(
            "wanted_entities", RecordBatch(keys.enumerated().map { ("c\($0.offset)", $0.element) }))
        defer { try? connection.unregister("wanted_entities") }
        let list = keys.indices.map { "c\($0)" }.joined(separator: ", ")
        return try load(
            connection, where: "(\(list)) IN (SELECT (\(list)) FROM wanted_entities) AND (\(condition))")
    }
}
