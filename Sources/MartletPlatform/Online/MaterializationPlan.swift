package import MartletCore
internal import MartletDefinitions
internal import MartletOnline
internal import MartletQuery
internal import MartletRegistry
internal import MartletTables

/// What loading a view would do, and what it would cost.
package struct MaterializationPlan: Sendable {
    package enum Mode: Sendable, Hashable {
        /// Every entity is computed and written, for this reason.
        case full(String)
        /// Only the entities with rows that the last load, up to this moment, did not count.
        case changed(since: Timestamp)
    }

    package let view: String
    package let version: Int
    package let upTo: Timestamp
    package let mode: Mode
    package let tableVersions: [String: Int64]
    /// Rows of the tables that are read, as far as their statistics tell.
    package let rowsToScan: Int
    package let bytesToScan: Int
    /// Rows that the last load did not count; nil for a full one.
    package let changedRows: Int?
    /// Entities that are computed and written; of a full load as many as were ever loaded, nil where none were.
    package let entities: Int?
    /// In how many pieces the rows are held in memory, one after another (`limits.memory`).
    package let parts: Int
    /// The offset in the log after the last event that took one of the rows back.
    package let removalMark: Int64
    /// As long as the last load took for each entity; nil where there was none.
    package let seconds: Double?
}

extension Workspace {
    /// What `materialize` would do now, without doing it. Finding what has changed reads keys and times of the tables.
    /// - Throws: as `materialize`.
    package func materializationPlans(
        _ views: [String]? = nil, upTo: Timestamp? = nil, isFull: Bool = false, memoryBytes: Int? = nil
    ) throws -> [MaterializationPlan] {
        let definitions = try appliedDefinitions()
        let upTo = try loadTime(upTo)
        return try viewsToLoad(views, definitions).map { view in
            let connection = try engine.connect()
            return try planLoad(view, upTo, isFull: isFull, memoryBytes, definitions, connection).plan
        }
    }

    /// The plan, and the query of the rows; what has changed is the temporary table `changed_entities` of the
    /// connection.
    func planLoad(
        _ view: FeatureViewDefinition, _ upTo: Timestamp, isFull: Bool, _ memoryBytes: Int?,
        _ definitions: AppliedDefinitions, _ connection: QueryConnection
    ) throws -> (plan: MaterializationPlan, query: ViewQuery) {
        let versions = try attachSources(of: view, definitions, to: connection)
        let query = try viewQuery(view, definitions, connection, includesRemoved: true)
        let online = try onlineView(view, definitions)
        let loads = try registry.materializations(view: view.about.name, state: .finished).filter {
            $0.version == online.identity.version
        }
        let knownEntities = loads.map { Int($0.rowCount) }.max()
        var size = (rows: 0, bytes: 0)
        for (name, version) in versions {
            guard let table = tableNamed(name) else { continue }
            let snapshot = try self.table(table).snapshot(version: version)
            size.rows += Int(snapshot.rowCount ?? 0)
            size.bytes += Int(snapshot.sizeBytes)
        }
        let found: Result<LoadBasis, FullReason> =
            isFull ? .failure("it was asked for") : try basis(view, loads.first, upTo, online.identity, definitions)
        let mode: MaterializationPlan.Mode
        var changed: (rows: Int, entities: Int)?
        switch found {
        case .failure(let reason): mode = .full(reason.text)
        case .success(let base):
            mode = .changed(since: base.last.upTo)
            changed = try findChanges(query, upTo, base, connection)
        }
        let entities = changed?.entities ?? knownEntities
        let rate = loads.first { $0.rowCount > 0 }.flatMap { load in
            load.endedAt.map { Double(($0 - load.startedAt).microseconds) / 1e6 / Double(load.rowCount) }
        }
        // Values as columns, as groups and as what is made of them.
        let rowBytes = 8 * (query.keys.count + query.inputs.count + 3) * 3
        let held = changed.map { size.rows / max(1, knownEntities ?? 1) * $0.entities } ?? size.rows
        let plan = MaterializationPlan(
            view: view.about.name, version: online.identity.version, upTo: upTo, mode: mode, tableVersions: versions,
            rowsToScan: size.rows, bytesToScan: size.bytes, changedRows: changed?.rows, entities: entities,
            parts: 1 + held * rowBytes * 2 / max(1, memoryBytes ?? settings.limits.memoryBytes),
            removalMark: try removalMark(of: view, upTo, versions, connection),
            seconds: rate.flatMap { rate in entities.map { rate * Double($0) } })
        return (plan, query)
    }

    /// The load that this one can go on from: its table, and the last position that it counted.
    private struct LoadBasis {
        var last: MaterializationRecord
        var position: Int64
        /// A SELECT of the positions of rows that the load knew to be taken back; nil where there were none.
        var gone: String?
    }

    private struct FullReason: Error, ExpressibleByStringLiteral {
        let text: String
        init(_ text: String) { self.text = text }
        init(stringLiteral text: String) { self.text = text }
    }

    /// A load can go on from the last one where the rows are those of one table which has only grown, and the store
    /// still has what was loaded: the last load, or besides it what a load of what changed since had written when it
    /// stopped. Its entities are among those that have changed up to any time that is not before its own.
    private func basis(
        _ view: FeatureViewDefinition, _ last: MaterializationRecord?, _ upTo: Timestamp, _ identity: ViewIdentity,
        _ definitions: AppliedDefinitions
    ) throws -> Result<LoadBasis, FullReason> {
        guard let last else { return .failure("the view was not loaded before in this version") }
        guard view.sql == nil else { return .failure("its rows come from a query") }
        guard last.upTo <= upTo else { return .failure("the last load was of a later time") }
        guard let cursor = try online.cursor(of: identity),
            cursor.isComplete && cursor.upTo == last.upTo || LoadInput.isSince(last.upTo, cursor.input)
        else { return .failure("the online store does not have the last load") }
        guard !LoadInput.isReplay(cursor.input) else { return .failure("what is served are the records of a replay") }
        guard cursor.upTo <= upTo else { return .failure("a load of a later time stopped in its midst") }
        guard let source = view.source else { throw view.hasNoRows }
        let silver = try table(.silver(source))
        guard let version = last.tableVersions[silver.name.description],
            let before = try? silver.snapshot(version: version)
        else { return .failure("the table of the last load is gone") }
        let removed = try table(.removed(source))
        var gone: String?
        if let version = last.tableVersions[removed.name.description] {
            guard let known = try? removed.snapshot(version: version) else {
                return .failure("the table of what was taken back is gone")
            }
            gone =
                "SELECT _position FROM (\(try removed.scanSQL(known))) "
                + "WHERE _removed_time <= \(sqlLiteral(.timestamp(last.upTo)))"
        }
        let now = Set(try silver.snapshot().files.map(\.path))
        guard before.files.allSatisfy({ now.contains($0.path) }) else {
            return .failure("the table was rewritten since the last load")
        }
        let connection = try engine.connect()
        let column = SystemColumn.position.name
        let scan = try silver.scanSQL(before, columns: [column])
        let position = try connection.value("SELECT max(\(quotedIdentifier(column))) FROM (\(scan))")
        guard case .int64(let position) = position else { return .failure("the last load had no rows") }
        if !view.reads.isEmpty, let reason = try changeOfReads(view, last, definitions, connection) {
            return .failure(FullReason(reason))
        }
        return .success(LoadBasis(last: last, position: position, gone: gone))
    }

    /// Fills `changed_entities` with the keys of the rows that count now and did not in the last load.
    private func findChanges(
        _ query: ViewQuery, _ upTo: Timestamp, _ base: LoadBasis, _ connection: QueryConnection
    ) throws -> (rows: Int, entities: Int) {
        let keys = query.keys.indices.map { "c\($0)" }.joined(separator: ", ")
        let areThere = query.keys.indices.map { "c\($0) IS NOT NULL" }.joined(separator: " AND ")
        let position = "c\(query.keys.count + 2)"
        let wasThere = "\(query.hadArrived(by: base.last.upTo)) AND \(position) <= \(base.position)"
        var changed = "\(query.knownAt(upTo)) AND NOT (\(wasThere))"
        if query.includesRemoved {
            let hadGone = base.gone.map { " AND \(position) NOT IN (\($0))" } ?? ""
            changed = "(\(changed)) OR (removed_at <= \(upTo.microseconds) AND \(wasThere)\(hadGone))"
        }
        try connection.execute(
            """
            CREATE OR REPLACE TEMP TABLE changed_entities AS SELECT \(keys), count(*) AS changed_rows \
            FROM (\(query.sql)) WHERE \(areThere) AND (\(changed)) GROUP BY \(keys)
            """)
        let counts = try connection.query(
            "SELECT coalesce(sum(changed_rows), 0)::BIGINT, count(*) FROM changed_entities")
        return (Int(counts.columns[0][0].number ?? 0), Int(counts.columns[1][0].number ?? 0))
    }
}

extension ViewQuery {
    /// The rows of one of `parts` pieces, in which entities are kept together.
    func isOfPart(_ part: Int, of parts: Int) -> String {
        let list = keys.indices.map { "c\($0)" }.joined(separator: ", ")
        return parts == 1 ? "true" : "hash(\(list)) % \(parts) = \(part)"
    }

    /// The rows of entities in `changed_entities`.
    var isOfChangedEntity: String {
        let list = keys.indices.map { "c\($0)" }.joined(separator: ", ")
        return "(\(list)) IN (SELECT (\(list)) FROM changed_entities)"
    }
}
