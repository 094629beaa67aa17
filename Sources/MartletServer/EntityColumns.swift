internal import FoundationEssentials
internal import MartletCore
internal import MartletHTTP
internal import MartletOnline

/// Encodes the entity columns of a request as the keys of a group of views.
/// - Throws: 422 where a join key is absent or a value does not fit its type.
func encodeKeys(
    _ group: [Field], _ request: OnlineRequest, _ catalog: ServingCatalog, into keys: inout EntityKeys
) throws(FeastError) {
    keys.removeAll()
    keys.reserve(request.rowCount)
    if group.count == 1 {
        // No array of iterators for the usual key.
        var row = 0
        var hasNull = false
        for element in try column(group[0].name, request, catalog).values.elements {
            if element.isNull {
                hasNull = true
                keys.endNullKey()
            } else {
                try append(element, group[0], row, &keys)
                keys.endKey()
            }
            row += 1
        }
        if hasNull { keys.appendImpossibleKey() }
        return
    }
    var iterators: [JSONElement.Elements] = []
    for field in group { iterators.append(try column(field.name, request, catalog).values.elements) }
    var hasNull = false
    for row in 0..<request.rowCount {
        var isNull = false
        for (part, field) in group.enumerated() {
            guard let element = iterators[part].next() else { continue }
            if element.isNull { isNull = true } else { try append(element, field, row, &keys) }
        }
        if isNull {
            hasNull = true
            keys.endNullKey()
        } else {
            keys.endKey()
        }
    }
    if hasNull { keys.appendImpossibleKey() }
}

/// The column of a join key, under its own name or that of its entity.
private func column(
    _ name: String, _ request: OnlineRequest, _ catalog: ServingCatalog
) throws(FeastError) -> OnlineRequest.EntityColumn {
    for column in request.entities where isName(column.name, name) { return column }
    for column in request.entities where catalog.entityKeys[text(column.name)] == name { return column }
    throw FeastError(type: "missing", at: [.name("entities"), .name(name)], "Field required: the join key \(name)")
}

func isName(_ utf8: UnsafeRawBufferPointer, _ name: String) -> Bool {
    var name = name
    return name.withUTF8 { utf8.equals(UnsafeRawBufferPointer($0)) }
}

private func append(_ element: JSONElement, _ field: Field, _ row: Int, _ keys: inout EntityKeys) throws(FeastError) {
    switch field.type {
    case .int32, .int64:
        guard let value = integer(element), field.type == .int64 || Int32(exactly: value) != nil else {
            throw unfit(
                field, row, "int_parsing", "Input should be a valid \(field.type == .int32 ? "32" : "64")-bit integer")
        }
        keys.append(integer: value)
    case .string:
        guard let value = element.utf8 else { throw unfit(field, row, "string_type", "Input should be a valid string") }
        keys.append(string: value)
    case .bool:
        guard let value = element.bool else { throw unfit(field, row, "bool_type", "Input should be a valid boolean") }
        keys.append(bool: value)
    case .timestamp:
        guard let value = timestamp(element) else {
            throw unfit(field, row, "datetime_type", "Input should be epoch seconds or RFC 3339 with a zone")
        }
        keys.append(timestamp: value)
    case .bytes:
        guard let value = element.string.flatMap({ Data(base64Encoded: $0) }) else {
            throw unfit(field, row, "bytes_type", "Input should be base64")
        }
        value.withUnsafeBytes { keys.append(bytes: $0) }
    case .float32, .float64, .list, .map:
        throw FeastError(status: 500, class: "FeastError", "the join key \(field.name) is \(field.type)")
    }
}

private func unfit(_ field: Field, _ row: Int, _ type: String, _ message: String) -> FeastError {
    FeastError(type: type, at: [.name("entities"), .name(field.name), .index(row)], message)
}

/// A whole number, also as text and as a double without a fraction, as data frames with gaps send it.
func integer(_ element: JSONElement) -> Int64? {
    if let value = element.int64 { return value }
    if let text = element.utf8 { return Int64(MartletServer.text(text)) }
    if element.kind == .double, let value = element.double, abs(value) <= 0x1p53 { return Int64(exactly: value) }
    return nil
}

/// Microseconds of epoch seconds or RFC 3339.
func timestamp(_ element: JSONElement) -> Int64? {
    if let seconds = element.int64 {
        let (value, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? nil : value
    }
    if let seconds = element.double {
        return abs(seconds) < 9e12 ? Int64((seconds * 1_000_000).rounded()) : nil
    }
    return element.string.flatMap { Timestamp(rfc3339: $0)?.microseconds }
}

/// Writes a join key back as it was understood.
func echo(_ element: JSONElement, as type: DataType?, to writer: inout ByteWriter) {
    switch type {
    case .int32, .int64:
        if let value = integer(element) { return writer.append(decimal: value) }
    case .timestamp:
        if let value = timestamp(element) { return writer.appendSeconds(value) }
    default: break
    }
    switch element.kind {
    case .string: writer.appendJSON(utf8: element.utf8 ?? UnsafeRawBufferPointer(start: nil, count: 0))
    case .integer:
        if let value = element.int64 { writer.append(decimal: value) } else { writer.appendJSON(element.double ?? 0) }
    case .double: writer.appendJSON(element.double ?? 0)
    case .bool: writer.appendJSON(element.bool ?? false)
    case .null, .array, .object: writer.append("null")
    }
}

extension ByteWriter {
    /// Epoch seconds, as Feast writes timestamps among values; with a fraction where there is one.
    mutating func appendSeconds(_ microseconds: Int64) {
        let (seconds, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        if rest == 0 { append(decimal: seconds) } else { append(decimal: Double(microseconds) / 1_000_000) }
    }
}
