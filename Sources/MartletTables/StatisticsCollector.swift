internal import MartletCore
internal import MartletQuery

/// Statistics of Parquet files from their footers: no row is read a second time.
///
/// DuckDB writes no minimum and maximum for a row group with a NaN or with very long texts; the bounds of such a
/// column are then unknown for the whole file.
struct StatisticsCollector {
    private let fields: [Field]
    /// For each column of the files its field; a list takes one column of Parquet, a map two.
    private let fieldIndices: [Int]
    private let indexedColumns: Int
    /// By path.
    private(set) var statistics: [String: FileStatistics] = [:]

    /// - Parameter fields: the columns stored in the files, in their order.
    init(fields: [Field], indexedColumns: Int) {
        self.fields = fields
        fieldIndices = fields.indices.flatMap { index in
            if case .map = fields[index].type { [index, index] } else { [index] }
        }
        self.indexedColumns = indexedColumns < 0 ? fields.count : indexedColumns
    }

    private struct Bounds {
        var minimum: String?
        var maximum: String?
        var isKnown = true
    }

    mutating func read(_ paths: [String], _ connection: QueryConnection) throws {
        let list = paths.map(quotedLiteral).joined(separator: ", ")
        let rows = try connection.query(
            """
            SELECT file_name, column_id, row_group_num_rows, stats_min_value, stats_max_value, stats_null_count \
            FROM parquet_metadata([\(list)]) ORDER BY file_name, row_group_id, column_id
            """)
        var bounds: [String: [Bounds?]] = [:]
        for row in 0..<rows.rowCount {
            guard case .string(let path) = rows.columns[0][row], case .int64(let column) = rows.columns[1][row],
                case .int64(let count) = rows.columns[2][row], fieldIndices.indices.contains(Int(column))
            else {
                throw MartletError(.internalFault, "the footer of a Parquet file lists other columns than were written")
            }
            let index = fieldIndices[Int(column)]
            let field = fields[index]
            if column == 0 { statistics[path, default: FileStatistics(rowCount: 0)].rowCount += count }
            // A list or a map has no statistics: those of its elements say nothing about rows.
            guard !field.type.isNested, index < indexedColumns || !field.isNullable else { continue }
            // Without a count of nulls nothing is known.
            guard case .int64(let nulls) = rows.columns[5][row] else {
                bounds[path, default: Array(repeating: nil, count: fields.count)][index] = Bounds(isKnown: false)
                continue
            }
            statistics[path, default: FileStatistics(rowCount: 0)].nullCounts[field.name, default: 0] += nulls
            if nulls == count { continue }
            var known = bounds[path]?[index] ?? Bounds()
            if case .string(let low) = rows.columns[3][row], case .string(let high) = rows.columns[4][row] {
                known.minimum = known.minimum.map { Self.precedes(low, $0, field.type) ? low : $0 } ?? low
                known.maximum = known.maximum.map { Self.precedes($0, high, field.type) ? high : $0 } ?? high
            } else {
                known.isKnown = false
            }
            bounds[path, default: Array(repeating: nil, count: fields.count)][index] = known
        }
        for (path, columns) in bounds {
            for (field, known) in zip(fields, columns) {
                guard let known, known.isKnown, let low = known.minimum, let high = known.maximum,
                    let bound = Self.json(low, high, field.type)
                else { continue }
                statistics[path]?.minima[field.name] = bound.minimum
                if let maximum = bound.maximum { statistics[path]?.maxima[field.name] = maximum }
            }
        }
    }

    /// The order of two values as DuckDB prints them.
    private static func precedes(_ left: String, _ right: String, _ type: DataType) -> Bool {
        switch type {
        case .int32, .int64: (Int64(left) ?? 0) < (Int64(right) ?? 0)
        case .float32, .float64: (Double(left) ?? 0) < (Double(right) ?? 0)
        case .timestamp: time(left) < time(right)
        case .string, .bytes, .bool, .list, .map: left.utf8.lexicographicallyPrecedes(right.utf8)
        }
    }

    private static func time(_ text: String) -> Int64 { Timestamp(rfc3339: text)?.microseconds ?? 0 }

    private static func json(_ low: String, _ high: String, _ type: DataType) -> (
        minimum: JSONValue, maximum: JSONValue?
    )? {
        switch type {
        case .int32, .int64:
            guard let low = Int64(low), let high = Int64(high) else { return nil }
            return (.integer(low), .integer(high))
        case .float32, .float64:
            guard let low = Double(low), let high = Double(high), low.isFinite, high.isFinite else { return nil }
            return (.number(low), .number(high))
        case .string:
            return (.string(StatisticBound.minimum(low)), StatisticBound.maximum(high).map { .string($0) })
        case .timestamp:
            guard let low = Timestamp(rfc3339: low), let high = Timestamp(rfc3339: high) else { return nil }
            return (
                .string(milliseconds(StatisticBound.minimum(low))), .string(milliseconds(StatisticBound.maximum(high)))
            )
        // Delta keeps no bounds of these.
        case .bool, .bytes, .list, .map: return nil
        }
    }

    /// Always three digits of fraction, as Spark writes them.
    private static func milliseconds(_ time: Timestamp) -> String {
        let text = time.description
        return text.utf8.count == 20 ? text.dropLast() + ".000Z" : text
    }
}
