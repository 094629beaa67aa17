internal import MartletCore
internal import MartletOnline

/// How deep filters may nest.
private let depthLimit = 16

/// Reads a filter as Feast's clients write it: `{"type": "eq", "key": "city", "value": "Bern"}`, or
/// `{"type": "and", "filters": […]}`.
/// - Throws: 422.
func recordFilter(
    _ json: JSONValue, _ view: OnlineView, at place: [FeastError.Location], depth: Int
) throws(FeastError) -> RecordFilter {
    guard let type = json["type"]?.string else {
        throw FeastError(type: "missing", at: place + [.name("type")], "Field required: the type of the filter")
    }
    if type == "and" || type == "or" {
        guard let parts = json["filters"]?.array, depth < depthLimit else {
            throw FeastError(
                type: "value_error", at: place + [.name("filters")],
                "Input should be a list of filters, nested at most \(depthLimit) deep")
        }
        var filters: [RecordFilter] = []
        for (index, part) in parts.enumerated() {
            filters.append(
                try recordFilter(part, view, at: place + [.name("filters"), .index(index)], depth: depth + 1))
        }
        return type == "and" ? .all(filters) : .any(filters)
    }
    guard let comparison = RecordFilter.Comparison(rawValue: type) else {
        throw FeastError(
            type: "literal_error", at: place + [.name("type")],
            "Input should be \(RecordFilter.Comparison.allCases.map(\.rawValue).joined(separator: ", ")), and or or")
    }
    guard let name = json["key"]?.string else {
        throw FeastError(type: "missing", at: place + [.name("key")], "Field required: the feature to compare")
    }
    let (operand, operandType) = try operand(name, view, place)
    return .comparison(operand, comparison, try values(json["value"], comparison, operandType, place))
}

private func operand(
    _ name: String, _ view: OnlineView, _ place: [FeastError.Location]
) throws(FeastError) -> (RecordFilter.Operand, DataType) {
    if let index = view.keys.firstIndex(where: { $0.name == name }) { return (.key(index), view.keys[index].type) }
    guard let index = view.featureIndex(name) else {
        let near = nearestName(to: name, among: view.features.map(\.name) + view.keys.map(\.name))
        throw FeastError(
            type: "value_error", at: place + [.name("key")],
            "feature view \(view.name) has no feature \(name)" + (near.map { "; did you mean \($0)?" } ?? ""))
    }
    let type = view.features[index].type
    guard !type.isNested, type != .bytes else {
        throw FeastError(
            type: "value_error", at: place + [.name("key")], "\(name) is of type \(type), which is not compared")
    }
    return (.feature(index, type), type)
}

private func values(
    _ json: JSONValue?, _ comparison: RecordFilter.Comparison, _ type: DataType, _ place: [FeastError.Location]
) throws(FeastError) -> [Value] {
    let isList = comparison == .among || comparison == .notAmong
    guard let given = isList ? json?.array : json.map({ [$0] }) else {
        throw FeastError(type: "list_type", at: place + [.name("value")], "Input should be a valid list")
    }
    var values: [Value] = []
    for element in given {
        guard let value = value(element, type) else {
            throw FeastError(type: "value_error", at: place + [.name("value")], "Input should be a valid \(type)")
        }
        values.append(value)
    }
    return values
}

/// The value as filters compare it; nil where it does not compare with the type.
private func value(_ json: JSONValue, _ type: DataType) -> Value? {
    switch (type, json) {
    case (.bool, .bool(let flag)): return .bool(flag)
    case (.int32, .integer(let number)), (.int64, .integer(let number)), (.float32, .integer(let number)),
        (.float64, .integer(let number)):
        return .int64(number)
    case (.int32, .number(let number)), (.int64, .number(let number)), (.float32, .number(let number)),
        (.float64, .number(let number)):
        return .float64(number)
    case (.string, .string(let text)): return .string(text)
    case (.timestamp, .integer(let seconds)):
        let (microseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? nil : .timestamp(Timestamp(microseconds: microseconds))
    case (.timestamp, .string(let text)): return Timestamp(rfc3339: text).map { .timestamp($0) }
    default: return nil
    }
}
