internal import MartletCore
internal import MartletDefinitions
internal import MartletQuery

/// Lists and maps: in text they are JSON, each element is read as a value of its type alone would be, and one element
/// that does not fit, or is null, makes the whole a misfit.
extension TypedColumn {
    static func readText(_ text: String, listOf element: DataType.Element, _ column: SourceColumn) -> Reading {
        let texts = "TRY_CAST(TRY_CAST(\(text) AS JSON) AS VARCHAR[])"
        return (whole(list: elements(of: texts, element, column)), nil)
    }

    static func readText(_ text: String, mapTo element: DataType.Element, _ column: SourceColumn) -> Reading {
        let json = "TRY_CAST(\(text) AS JSON)"
        // The cast to a map fails for the whole query where a name is repeated.
        let isMap =
            "json_type(\(json)) = 'OBJECT' AND len(json_keys(\(json))) = len(list_distinct(json_keys(\(json))))"
        let map = "CASE WHEN \(isMap) THEN TRY_CAST(\(json) AS MAP(VARCHAR, VARCHAR)) END"
        return (whole(map: map, values: elements(of: "map_values(\(map))", element, column)), nil)
    }

    /// - Throws: `typeMismatch` where no value of the input's type can fit.
    static func readTyped(
        _ reference: String, _ type: String, listOf element: DataType.Element, _ column: SourceColumn
    ) throws -> Reading {
        guard let bracket = type.lastIndex(of: "["), type.hasSuffix("]") else { throw misfit(type, column) }
        let list = type.hasSuffix("[]") ? reference : "(\(reference)::\(type[..<bracket])[])"
        return (whole(list: try elements(of: list, String(type[..<bracket]), element, column)), nil)
    }

    /// - Throws: `typeMismatch` where no value of the input's type can fit.
    static func readTyped(
        _ reference: String, _ type: String, mapTo element: DataType.Element, _ column: SourceColumn
    ) throws -> Reading {
        let start = "MAP(VARCHAR, "
        guard type.hasPrefix(start), type.hasSuffix(")") else { throw misfit(type, column) }
        let values = try elements(
            of: "map_values(\(reference))", String(type.dropFirst(start.count).dropLast()), element, column)
        return (whole(map: reference, values: values), nil)
    }

    private static func misfit(_ type: String, _ column: SourceColumn) -> MartletError {
        MartletError(
            .typeMismatch,
            "column \(column.from ?? column.name) of the input is \(type), which does not fit \(column.type.rawValue)")
    }

    /// A list of texts as one of values, null where one is none.
    private static func elements(of texts: String, _ element: DataType.Element, _ column: SourceColumn) -> String {
        switch element {
        case .string: return texts
        // What a cast of the whole list does as the cast of each would.
        case .bool, .float32, .float64: return "TRY_CAST(\(texts) AS \(element.type.sqlName)[])"
        case .int32, .int64, .bytes, .timestamp:
            let value = readText("x", scalar(column, element)).value
            return "list_transform(\(texts), lambda x: \(value))"
        }
    }

    private static func elements(
        of list: String, _ type: String, _ element: DataType.Element, _ column: SourceColumn
    ) throws -> String {
        let value = try readTyped("x", type, scalar(column, element)).value
        return value == "x" ? list : "list_transform(\(list), lambda x: \(value))"
    }

    private static func scalar(_ column: SourceColumn, _ element: DataType.Element) -> SourceColumn {
        SourceColumn(name: column.name, type: element.type, from: column.from)
    }

    private static func whole(list: String) -> String {
        "CASE WHEN list_count(\(list)) = len(\(list)) THEN \(list) END"
    }

    private static func whole(map: String, values: String) -> String {
        "CASE WHEN list_count(\(values)) = len(\(values)) THEN map_from_entries(list_zip(map_keys(\(map)), \(values))) "
            + "END"
    }
}
