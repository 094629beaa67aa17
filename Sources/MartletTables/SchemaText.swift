internal import MartletCore

/// The schema of a table as Delta Lake writes it: a struct type of Spark in JSON.
enum SchemaText {
    static func write(_ schema: Schema) -> String {
        JSONValue.object([
            "type": .string("struct"), "fields": .array(schema.fields.map(field)),
        ]).text
    }

    /// The text with further fields at its end, the others untouched.
    static func adding(_ fields: [Field], to text: String) throws -> String {
        guard case .object(var members) = try JSONValue(parsing: text), case .array(var list)? = members["fields"]
        else {
            throw MartletError(.corruptData, "a table's schema is not a struct")
        }
        list += fields.map(field)
        members["fields"] = .array(list)
        return JSONValue.object(members).text
    }

    /// - Throws: `corruptData` where the text is no struct, `invalidInput` for a type that Martlet has no equal of.
    static func parse(_ text: String) throws -> Schema {
        guard let fields = try? JSONValue(parsing: text)["fields"]?.array else {
            throw MartletError(.corruptData, "a table's schema is not a struct")
        }
        var seen: Set<String> = []
        return Schema(
            try fields.map { field in
                guard let name = field["name"]?.string, let type = field["type"] else {
                    throw MartletError(.corruptData, "a field of a table's schema has no name or no type")
                }
                guard seen.insert(name).inserted else {
                    throw MartletError(.corruptData, "a table's schema has two columns \(name)")
                }
                guard let known = dataType(type) else {
                    throw MartletError(
                        .invalidInput,
                        "column \(name) has the Delta type \(type.string ?? type["type"]?.string ?? "?"), "
                            + "which Martlet lacks",
                        fix: "write a copy of the table without that column, or with another type")
                }
                return Field(name, known, isNullable: field["nullable"]?.bool ?? true)
            })
    }

    /// A scalar's name, or the object of an array or a map.
    private static func typeText(_ type: DataType) -> JSONValue {
        switch type {
        case .list(let element):
            .object([
                "type": .string("array"), "elementType": .string(typeName(element)), "containsNull": .bool(false),
            ])
        case .map(let element):
            .object([
                "type": .string("map"), "keyType": .string("string"), "valueType": .string(typeName(element)),
                "valueContainsNull": .bool(false),
            ])
        default: .string(type.element.map(typeName) ?? "")
        }
    }

    private static func typeName(_ type: DataType.Element) -> String {
        switch type {
        case .bool: "boolean"
        case .int32: "integer"
        case .int64: "long"
        case .float32: "float"
        case .float64: "double"
        case .string: "string"
        case .bytes: "binary"
        case .timestamp: "timestamp"
        }
    }

    private static func dataType(_ text: JSONValue) -> DataType? {
        func element(_ name: String) -> DataType.Element? {
            let inner = text[name]?.string
            return DataType.Element.allCases.first { typeName($0) == inner }
        }
        if let name = text.string { return DataType.Element.allCases.first { typeName($0) == name }?.type }
        switch text["type"]?.string {
        case "array": return element("elementType").map { .list($0) }
        case "map": return text["keyType"]?.string == "string" ? element("valueType").map { .map($0) } : nil
        default: return nil
        }
    }

    private static func field(_ field: Field) -> JSONValue {
        .object([
            "name": .string(field.name), "type": typeText(field.type), "nullable": .bool(field.isNullable),
            "metadata": .object([:]),
        ])
    }

    /// Whether a table may have these columns: Delta refuses some characters in their names and compares them without
    /// case.
    /// - Throws: `invalidInput` with the name of the column.
    static func validate(_ schema: Schema, partitionColumns: [String]) throws {
        guard !schema.fields.isEmpty else { throw MartletError(.invalidInput, "a table needs at least one column") }
        var seen: Set<String> = []
        for field in schema.fields {
            if field.name.isEmpty || field.name.utf8.contains(where: { forbidden.contains($0) }) {
                throw MartletError(
                    .invalidInput, "\"\(field.name)\" cannot name a column of a table",
                    fix: "use no spaces, tabs, line ends or any of ,;{}()=")
            }
            guard seen.insert(field.name.lowercased()).inserted else {
                throw MartletError(.invalidInput, "two columns are named \(field.name), capitals aside")
            }
        }
        for (index, column) in partitionColumns.enumerated() {
            guard let field = schema[column] else {
                throw MartletError(
                    .missingColumn, "the partition column \(column) is not in the table",
                    fix: nearestName(to: column, among: schema.names).map { "did you mean \($0)?" })
            }
            guard !partitionColumns[..<index].contains(column) else {
                throw MartletError(.invalidInput, "\(column) partitions the table twice")
            }
            guard PartitionText.isSupported(field.type) else {
                throw MartletError(
                    .typeMismatch, "a \(field.type.rawValue) column such as \(column) cannot partition a table",
                    fix: "partition by a bool, int32, int64, string or timestamp column")
            }
        }
        if partitionColumns.count == schema.fields.count {
            throw MartletError(.invalidInput, "a table needs a column that it is not partitioned by")
        }
    }

    private static let forbidden = Set(" ,;{}()\n\t=\r\0".utf8)
}
