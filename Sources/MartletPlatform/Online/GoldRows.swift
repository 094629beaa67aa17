internal import MartletCore
internal import MartletQuery
internal import MartletTables

/// The features of a load's entities on their way into `gold.VIEW`: kept until every part is computed, then added as
/// one version of the table, so that a load that was cut otherwise when it was interrupted adds nothing twice.
struct GoldRows {
    /// Where parts lie; made when there is more than one.
    let folder: String
    private var only: RecordBatch?
    private var files: [String] = []

    init(folder: String) { self.folder = folder }

    /// - Parameter isOnly: whether there is one part, which is held in memory.
    mutating func add(_ rows: RecordBatch, isOnly: Bool, _ engine: QueryEngine) throws {
        if isOnly {
            only = rows
            return
        }
        try makeFolder(folder)
        let file = "\(folder)/part-\(files.count).parquet"
        try writeRows(RowSource(rows), to: file, engine)
        files.append(file)
    }

    /// Appends what was added, in its order; nothing where nothing was.
    func append(to table: DeltaTable, _ options: WriteOptions, _ connection: QueryConnection) throws {
        if let only { try table.append(only, options) }
        if files.isEmpty { return }
        let list = files.map { quotedLiteral($0) }.joined(separator: ", ")
        try table.append("SELECT * FROM read_parquet([\(list)])", on: connection, options)
    }
}
