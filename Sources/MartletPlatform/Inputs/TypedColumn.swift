internal import MartletCore
internal import MartletDefinitions
internal import MartletQuery

/// How a declared column is read from a column of an input: SQL expressions over the input's row.
struct TypedColumn {
    let name: String
    /// The value in the declared type; null where it does not fit.
    let value: String
    /// True for a row whose value is there but does not fit, or is missing although it must not be.
    let isBad: String
    /// What is wrong with such a row, without the value.
    let reason: String
    /// True for a row whose value is a time without a zone; nil where none can be.
    let lacksZone: String?

    /// - Throws: `missingColumn` with the nearest name, `typeMismatch` where no value of the input's type can fit,
    ///   `missingTimeZone` where the input's type is a time without a zone and the column declares none.
    init(_ column: SourceColumn, input: InputRelation) throws {
        if let constant = column.constant {
            name = column.name
            value = sqlLiteral(constant)
            (isBad, reason, lacksZone) = ("false", "NULL::VARCHAR", nil)
            return
        }
        let wanted = column.from ?? column.name
        guard let found = input.columns.first(where: { $0.name == wanted }) else {
            let nearest = nearestName(to: wanted, among: input.columns.map(\.name))
            throw MartletError(
                .missingColumn, "the input has no column \(wanted)",
                fix: nearest.map { "is it the column \($0)? Then say `from: \($0)`" }
                    ?? "it has \(input.columns.map(\.name).joined(separator: ", "))")
        }
        name = column.name
        let reference = quotedIdentifier(found.name)
        let isText = found.type == "VARCHAR" || found.type == "JSON"
        let reading =
            isText
            ? Self.readText(found.type == "JSON" ? "(\(reference) ->> '$')" : reference, column)
            : try Self.readTyped(reference, found.type, column)
        value = reading.value
        lacksZone = reading.lacksZone
        let misfit = "(\(reference) IS NOT NULL AND \(reading.value) IS NULL)"
        isBad = column.isNullable ? misfit : "(\(reading.value) IS NULL)"
        reason =
            "CASE WHEN \(misfit) THEN \(quotedLiteral("\(column.name): not a \(column.type.rawValue)"))"
            + (column.isNullable ? "" : " WHEN \(reference) IS NULL THEN \(quotedLiteral("\(column.name): missing"))")
            + " END"
    }
}

private let zonePattern = quotedLiteral(#".*([Zz]|[+-]\d{2}(:?\d{2})?)$"#)
private let datePattern = quotedLiteral(#"\d{4}-\d{2}-\d{2}"#)

extension TypedColumn {
    /// The value, and where it can be a time without a zone what is true for those.
    typealias Reading = (value: String, lacksZone: String?)

    static func readText(_ text: String, _ column: SourceColumn) -> Reading {
        switch column.type {
        case .string: return (text, nil)
        case .bytes: return ("TRY_CAST(\(text) AS BLOB)", nil)
        case .list(let element): return readText(text, listOf: element, column)
        case .map(let element): return readText(text, mapTo: element, column)
        case .bool, .float32, .float64: return ("TRY_CAST(\(text) AS \(column.type.sqlName))", nil)
        case .int32, .int64:
            // DuckDB would round 1.5 to 2: only whole numbers are integers here.
            return (
                "CASE WHEN regexp_full_match(trim(\(text)), '[+-]?[0-9]+') "
                    + "THEN TRY_CAST(\(text) AS \(column.type.sqlName)) END",
                nil
            )
        case .timestamp:
            if let format = column.format {
                let naive = "try_strptime(\(text), \(quotedLiteral(format)))"
                if let zone = column.zone { return ("(\(naive) AT TIME ZONE \(quotedLiteral(zone)))", nil) }
                return ("\(naive)::TIMESTAMPTZ", nil)
            }
            if let zone = column.zone {
                let naive = "(TRY_CAST(\(text) AS TIMESTAMP) AT TIME ZONE \(quotedLiteral(zone)))"
                return (
                    "CASE WHEN regexp_matches(\(text), \(zonePattern)) "
                        + "AND NOT regexp_full_match(\(text), \(datePattern)) "
                        + "THEN TRY_CAST(\(text) AS TIMESTAMPTZ) ELSE \(naive) END", nil
                )
            }
            let hasZone = "(regexp_matches(\(text), \(zonePattern)) OR regexp_full_match(\(text), \(datePattern)))"
            return (
                "CASE WHEN \(hasZone) THEN TRY_CAST(\(text) AS TIMESTAMPTZ) END",
                "(TRY_CAST(\(text) AS TIMESTAMP) IS NOT NULL AND NOT \(hasZone))"
            )
        }
    }

    static func readTyped(_ reference: String, _ type: String, _ column: SourceColumn) throws -> Reading {
        let wanted = column.type.sqlName
        let integers: Set = [
            "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT",
        ]
        let isNumber = integers.contains(type) || type == "FLOAT" || type == "DOUBLE" || type.hasPrefix("DECIMAL")
        switch column.type {
        case _
        where !column.type.isNested && type == wanted
            || (wanted == "TIMESTAMPTZ" && type == "TIMESTAMP WITH TIME ZONE"):
            return (reference, nil)
        case .int32, .int64:
            if integers.contains(type) { return ("TRY_CAST(\(reference) AS \(wanted))", nil) }
        case .float32, .float64:
            if isNumber { return ("TRY_CAST(\(reference) AS \(wanted))", nil) }
        case .timestamp:
            if type == "DATE" {
                return ("(\(reference)::TIMESTAMP AT TIME ZONE \(quotedLiteral(column.zone ?? "UTC")))", nil)
            }
            if type == "TIMESTAMP" || type.hasPrefix("TIMESTAMP_") {
                guard let zone = column.zone else {
                    throw MartletError(
                        .missingTimeZone,
                        "column \(column.from ?? column.name) of the input holds times without a zone",
                        fix: "declare the zone: {type: timestamp, zone: UTC}")
                }
                return ("(\(reference)::TIMESTAMP AT TIME ZONE \(quotedLiteral(zone)))", nil)
            }
        case .list(let element): return try readTyped(reference, type, listOf: element, column)
        case .map(let element): return try readTyped(reference, type, mapTo: element, column)
        case .bool, .string, .bytes: break
        }
        throw MartletError(
            .typeMismatch,
            "column \(column.from ?? column.name) of the input is \(type), which does not fit \(column.type.rawValue)")
    }
}
