internal import MartletCore

/// What a feature view knows of the columns of its rows: those of the source, or with SQL whatever the query gives, and
/// those that are read of other views.
struct RowColumns {
    let source: SourceDefinition?
    let readsSQL: Bool
    let reads: [ViewRead]

    /// The column that is read of another view.
    func read(_ name: String) -> Field? { reads.lazy.flatMap(\.columns).first { $0.name == name } }

    /// The column of the source, or a fault where the rows are the source's and it has none of that name.
    func column(
        _ name: String, at place: MartletError.Place, for use: String, _ faults: inout FaultList
    ) -> SourceColumn? {
        guard let source else { return nil }
        if let column = source.columns.first(where: { $0.name == name }) { return column }
        if !readsSQL {
            faults.add(
                "\(use) needs the column `\(name)`, which source \(source.about.name) does not have", at: place,
                fix: suggestion(
                    for: name, among: source.columns.map(\.name) + reads.flatMap { $0.columns.map(\.name) }),
                .missingColumn)
        }
        return nil
    }

    /// The type of a feature's column: as written, else the other view's or the source's.
    func type(
        _ declared: Checked?, of column: String, at place: MartletError.Place, for feature: String,
        _ faults: inout FaultList
    ) -> DataType? {
        let written = declared?.text.flatMap(DataType.init(rawValue:))
        let read = read(column)
        let found = read?.type ?? self.column(column, at: place, for: feature, &faults)?.type
        if let written {
            if let found, !readsSQL || read != nil, found != written {
                faults.add(
                    "\(feature) says type \(written), but column `\(column)` is of type \(found)",
                    at: declared?.place ?? place, fix: "leave `type` out: it is derived", .typeMismatch)
            }
            return written
        }
        if found == nil, readsSQL, source != nil {
            faults.add(
                "the type of \(feature) is not known: column `\(column)` comes from SQL", at: place,
                fix: "write it as {column: \(column), type: …}")
        }
        return found
    }
}
