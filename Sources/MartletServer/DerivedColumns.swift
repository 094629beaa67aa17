internal import FoundationEssentials
internal import MartletCore
internal import MartletFeatures
internal import MartletHTTP
internal import MartletOnline

extension ServingPlan {
    /// The derived features of a request, one value a row; empty where none is asked for.
    /// - Throws: 422 for a request value that is not given or does not fit its type.
    func derivedColumns(_ scratch: OnlineScratch, _ request: OnlineRequest) throws -> [Column] {
        if !derivation.isDerived { return [] }
        let given = try derivation.request.map { try requestColumn($0, request) }
        return try derivation.evaluate(
            stored: { index in
                let needed = stored[index]
                return try scratch.answers[needed.part].column(
                    of: parts[needed.part].view, feature: needed.feature, place: needed.column,
                    rows: scratch.keyRows[needed.keyGroup])
            }, request: given, count: request.rowCount)
    }
}

extension ServingState {
    /// The columns of a request that its answer gives back: as with Feast, values for derived features are not.
    func keyColumns(of request: OnlineRequest, _ plan: ServingPlan) -> [OnlineRequest.EntityColumn] {
        if requestNames.isEmpty { return request.entities }
        return request.entities.filter { column in
            if plan.hasKey(column.name) { return true }
            let name = text(column.name)
            return !requestNames.contains(name) || joinKeys.contains(name)
        }
    }
}

func requestColumn(_ field: Field, _ request: OnlineRequest) throws(FeastError) -> Column {
    guard let given = request.entities.first(where: { isName($0.name, field.name) }) else {
        throw FeastError(
            type: "missing", at: [.name("entities"), .name(field.name)],
            "Field required: the request value \(field.name)")
    }
    return try typedColumn(field, given)
}

/// The values of a column of the request, in the type of a field.
/// - Throws: 422 for one that does not fit it.
func typedColumn(_ field: Field, _ given: OnlineRequest.EntityColumn) throws(FeastError) -> Column {
    var builder = ColumnBuilder(field.type)
    for (row, element) in given.values.elements.enumerated() {
        guard let value = value(of: element, field.type) else {
            throw FeastError(
                type: "value_error", at: [.name("entities"), .name(field.name), .index(row)],
                "Input should be a valid \(field.type)")
        }
        builder.append(value)
    }
    return builder.finish()
}

/// - Returns: nil where the element is no value of the type.
private func value(of element: JSONElement, _ type: DataType) -> Value? {
    if element.isNull { return .null }
    switch type {
    case .bool: return element.bool.map { .bool($0) }
    case .int32: return integer(element).flatMap { Int32(exactly: $0) }.map { .int32($0) }
    case .int64: return integer(element).map { .int64($0) }
    case .float32: return number(element).map { .float32(Float($0)) }
    case .float64: return number(element).map { .float64($0) }
    case .string: return element.string.map { .string($0) }
    case .bytes: return element.string.flatMap { Data(base64Encoded: $0) }.map { .bytes(Array($0)) }
    case .timestamp: return timestamp(element).map { .timestamp(Timestamp(microseconds: $0)) }
    case .list, .map: return nil
    }
}

private func number(_ element: JSONElement) -> Double? {
    element.kind == .integer || element.kind == .double ? element.double : nil
}
