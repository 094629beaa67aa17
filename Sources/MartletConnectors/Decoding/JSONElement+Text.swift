internal import MartletCore
internal import MartletHTTP

/// Appends a value as JSON without spaces.
func appendJSON(_ value: JSONElement, to bytes: inout [UInt8]) {
    var writer = JSONWriter()
    write(value, to: &writer)
    bytes.append(contentsOf: writer.bytes)
}

private func write(_ value: JSONElement, to json: inout JSONWriter) {
    switch value.kind {
    case .null: json.null()
    case .bool: json.value(value.bool ?? false)
    case .string: json.value(value.string ?? "")
    case .integer:
        // Beyond 63 bits a number is a double to every reader of ours.
        if let number = value.int64 { json.value(number) } else { json.value(value.double ?? 0) }
    case .double: json.value(value.double ?? 0)
    case .array: json.array { json in for element in value.elements { write(element, to: &json) } }
    case .object:
        json.object { json in
            for member in value.members {
                json.key(String(decoding: member.name, as: UTF8.self))
                write(member.value, to: &json)
            }
        }
    }
}
