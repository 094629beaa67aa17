internal import MartletCore
internal import MartletHTTP
internal import MartletOnline

extension OnlineVectors {
    /// The join keys, then the features; behind each feature its statuses as `NAME:status`, and last the ages of the
    /// views as `VIEW:age`, in seconds. What concerns the whole answer is metadata of the schema.
    /// - Throws: `limitExceeded` where a column has more text than one holds.
    func writeArrow(to writer: inout ByteWriter) throws {
        var columns = call.entities.map { ArrowColumn(name: $0.name, values: .column($0.column)) }
        for (index, output) in call.plan.outputs.enumerated() {
            columns.append(
                ArrowColumn(
                    name: output.name,
                    values: .column(column(index) ?? .nulls(output.type, count: call.rowCount)),
                    notes: [("version", "\(output.version)")]))
            columns.append(
                ArrowColumn(
                    name: output.name + ":status",
                    values: .codes((0..<call.rowCount).map { status(index, $0).rawValue }),
                    notes: [("codes", Self.codes)]))
        }
        for (part, view) in zip(call.plan.serving.parts, views) {
            guard case .success(let view) = view else { continue }
            var ages = ColumnBuilder(.float64)
            for row in 0..<call.rowCount {
                if view.marks[row].kind == .nothing {
                    ages.appendNull()
                } else {
                    ages.append(.float64(Double((instant - view.values.eventTimes[row]).microseconds) / 1e6))
                }
            }
            columns.append(ArrowColumn(name: part.view.name + ":age", values: .column(ages.finish())))
        }
        if call.hasRowSnapshots {
            let texts = (0..<call.rowCount).map { snapshot($0..<$0 + 1).text }
            columns.append(ArrowColumn(name: "snapshot", values: .column(Column(.string(ByteStrings(texts))))))
        }
        let notes = [
            ("snapshot", snapshot(0..<call.rowCount).text), ("served_at", instant.description),
            ("revision", "\(call.plan.revision)"), ("stale", "\(isStale)"), ("partial", "\(isPartial)"),
        ]
        writeArrowStream(columns, rowCount: call.rowCount, notes: notes, to: &writer)
    }

    private static let codes = VectorStatus.allCases.map { "\($0.rawValue)=\($0.name)" }.joined(separator: ",")
}
