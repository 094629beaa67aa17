internal import MartletCore
internal import MartletDefinitions
internal import MartletQuery
internal import MartletRegistry
internal import MartletTables

extension Workspace {
    /// Why what a view reads of others may say something else of the rows that a load counted; nil where it says the
    /// same. A row knows what had arrived when it did, so that only events matter which have come since and say that
    /// they arrived before the last of these rows.
    func changeOfReads(
        _ view: FeatureViewDefinition, _ last: MaterializationRecord, _ definitions: AppliedDefinitions,
        _ connection: QueryConnection
    ) throws -> String? {
        guard let source = view.source else { throw view.hasNoRows }
        guard let counted = try loadedScan(.silver(source), last) else { return "the table of the last load is gone" }
        let upTo = sqlLiteral(.timestamp(last.upTo))
        let newest = try connection.value(
            "SELECT max(_arrival_time) FROM (\(counted)) WHERE _arrival_time <= \(upTo)")
        guard case .timestamp(let newest) = newest else { return "the last load had no rows" }
        let isOlder = "<= \(sqlLiteral(.timestamp(newest)))"
        for read in try definitions.closure(of: view).dropFirst() {
            guard read.sql == nil, let source = read.source else { return "it reads rows that come from a query" }
            guard let before = try loadedScan(.silver(source), last) else {
                return "the table of the last load is gone, or was rewritten"
            }
            let silver = try table(.silver(source))
            let now = try silver.scanSQL(silver.snapshot())
            var changes = """
                SELECT _position FROM (\(now)) WHERE _arrival_time \(isOlder)
                AND _position > (SELECT coalesce(max(_position), -1) FROM (\(before)))
                """
            let removed = try table(.removed(source))
            if try removed.exists() {
                let gone = try removed.scanSQL(removed.snapshot())
                changes += " UNION ALL (SELECT _position FROM (\(gone)) WHERE _removed_time \(isOlder)"
                if let known = try loadedScan(.removed(source), last) {
                    changes += " EXCEPT SELECT _position FROM (\(known)) WHERE _removed_time \(isOlder)"
                }
                changes += ")"
            }
            if try connection.value("SELECT count(*) FROM (\(changes))").number ?? 0 > 0 {
                return "what it reads of \(read.about.name) came later than rows that should know it"
            }
        }
        return nil
    }

    /// A SELECT of the rows of a table as a load read it; nil where it did not, or the table was rewritten since.
    private func loadedScan(_ name: TableName?, _ load: MaterializationRecord) throws -> String? {
        let table = try table(name)
        guard let version = load.tableVersions[table.name.description],
            let before = try? table.snapshot(version: version)
        else { return nil }
        let now = Set(try table.snapshot().files.map(\.path))
        return before.files.allSatisfy { now.contains($0.path) } ? try table.scanSQL(before) : nil
    }
}
