internal import MartletCore

/// Rows as they were sent, column by column, each column of `count` values.
struct PushedRows: Sendable {
    struct Column: Sendable {
        var name: String
        var values: [JSONValue]
    }

    var columns: [Column]
    let count: Int

    /// Reads the `df` of a request: `{column: [values]}`.
    /// - Throws: 422.
    init(_ json: JSONValue?) throws(FeastError) {
        guard let json, json != .null else {
            throw FeastError(type: "missing", at: [.name("df")], "Field required")
        }
        guard case .object(let members) = json, !members.isEmpty else {
            throw FeastError(type: "dict_type", at: [.name("df")], "Input should be a valid dictionary")
        }
        var columns: [Column] = []
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            guard let values = value.array else {
                throw FeastError(type: "list_type", at: [.name("df"), .name(name)], "Input should be a valid list")
            }
            if let first = columns.first, first.values.count != values.count {
                throw FeastError(
                    type: "value_error", at: [.name("df"), .name(name)],
                    "the lists differ in length: \(values.count) values here, \(first.values.count) in \(first.name)")
            }
            columns.append(Column(name: name, values: values))
        }
        self.columns = columns
        count = columns[0].values.count
        guard count > 0 else {
            throw FeastError(type: "too_short", at: [.name("df")], "List should have at least 1 item")
        }
    }

    /// One JSON object a row and line.
    var jsonLines: [UInt8] {
        var lines: [UInt8] = []
        for row in 0..<count {
            var json = JSONWriter()
            json.object { json in
                // Nulls too: a column of nothing else would be a column that is not there.
                for column in columns {
                    json.key(column.name)
                    column.values[row].write(to: &json)
                }
            }
            lines += json.bytes
            lines.append(UInt8(ascii: "\n"))
        }
        return lines
    }
}
