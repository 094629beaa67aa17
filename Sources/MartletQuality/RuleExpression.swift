internal import MartletCore
internal import MartletDefinitions
internal import MartletQuery

/// Makes sure that the text of a `sql` rule is one expression and nothing more, so that it cannot leave the
/// parentheses that it is put in (`true) OR (true`) nor bring clauses or statements of its own.
///
/// DuckDB's own parser decides. A subquery is an expression too: who writes definitions may read what the engine may
/// read.
/// - Throws: `invalidDefinition` with the name of the check.
func validateExpression(_ expression: String, of check: Check, connection: QueryConnection) throws {
    func refusal(_ reason: String) -> MartletError {
        MartletError(
            .invalidDefinition, "the SQL of check \(check.name) is not one expression: \(reason)",
            fix: "write a condition over the columns, such as amount > 0 OR is_refund")
    }
    guard
        case .string(let text) = try connection.value(
            "SELECT CAST(json_serialize_sql(CAST($1 AS VARCHAR)) AS VARCHAR)", [.string("SELECT \(expression)\n")])
    else { throw refusal("it is empty") }
    let parsed = try JSONValue(parsing: text)
    guard parsed["error"]?.bool == false else {
        throw refusal(parsed["error_message"]?.string ?? "it cannot be parsed")
    }
    guard let statements = parsed["statements"]?.array, statements.count == 1, let node = statements[0]["node"],
        node["type"]?.string == "SELECT_NODE"
    else { throw refusal("it holds more than one statement") }
    guard let selected = node["select_list"]?.array, selected.count == 1, selected[0]["class"]?.string != "STAR" else {
        throw refusal("it selects more than one value")
    }
    guard selected[0]["alias"]?.string ?? "" == "" else { throw refusal("it gives itself a name") }
    let isAlone =
        node["from_table"]?["type"]?.string == "EMPTY" && [nil, .null].contains(node["where_clause"])
        && [nil, .null].contains(node["having"]) && [nil, .null].contains(node["qualify"])
        && (node["modifiers"]?.array ?? []).isEmpty && (node["group_expressions"]?.array ?? []).isEmpty
        && [nil, .null].contains(node["sample"])
    guard isAlone else { throw refusal("it has clauses of its own") }
}
