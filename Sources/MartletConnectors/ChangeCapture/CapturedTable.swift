internal import MartletCore
internal import MartletDatabase

/// A published table as the catalog describes it.
struct CapturedTable {
    var table: RawTable
    /// Of the publication; nil where all rows are published.
    var rowFilter: String?

    /// - Throws: `notFound` where the publication has no such table.
    init(_ settings: ChangeCaptureSettings, _ connection: PostgresConnection) throws(MartletError) {
        let published = try connection.query(
            """
            SELECT p.rowfilter, a.attname, a.atttypid::oid::text,
              coalesce(a.attnum = ANY (
                SELECT unnest(i.indkey) FROM pg_index i
                WHERE i.indrelid = c.oid AND (i.indisprimary OR i.indisreplident)
                  AND i.indisprimary = EXISTS (
                    SELECT FROM pg_index x WHERE x.indrelid = c.oid AND x.indisprimary)), false)::text
            FROM pg_publication_tables p
            JOIN pg_namespace n ON n.nspname = p.schemaname
            JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
              AND a.attgenerated = '' AND a.attname = ANY (p.attnames)
            WHERE p.pubname = $1 AND p.schemaname = $2 AND p.tablename = $3
            ORDER BY a.attnum
            """, [settings.publication, settings.schema, settings.table])
        guard !published.isEmpty else {
            throw MartletError(
                .notFound,
                "publication `\(settings.publication)` does not have table \(settings.schema).\(settings.table)",
                fix: "CREATE PUBLICATION \(settings.publication) FOR TABLE \(settings.schema).\(settings.table)")
        }
        rowFilter = published[0][0]
        table = RawTable(
            schema: settings.schema, name: settings.table,
            columns: published.map { row in
                RawTable.Column(
                    name: row[1] ?? "", type: row[2].flatMap { UInt32($0) } ?? 0, isKey: row[3] == "true")
            }, version: 1)
    }

    var copyStatement: String {
        let columns = table.columns.map { PostgresConnection.quoted(name: $0.name) }.joined(separator: ", ")
        let name = "\(PostgresConnection.quoted(name: table.schema)).\(PostgresConnection.quoted(name: table.name))"
        let filter = rowFilter.map { " WHERE \($0)" } ?? ""
        return "COPY (SELECT \(columns) FROM \(name)\(filter)) TO STDOUT"
    }
}
