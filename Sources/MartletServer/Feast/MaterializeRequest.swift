internal import MartletCore
internal import MartletHTTP

/// The body of `/materialize` and `/materialize-incremental`.
struct MaterializeRequest: Sendable {
    /// nil means every view that is online.
    let views: [String]?
    /// nil means now.
    let end: Timestamp?
    /// The version that must be the applied one of the only view.
    let version: Int?

    /// - Throws: 422 in FastAPI's shape.
    init(_ body: UnsafeRawBufferPointer, isIncremental: Bool) throws(FeastError) {
        guard let json = try? JSONValue(parsing: body) else {
            throw FeastError(type: "json_invalid", at: [.index(0)], "JSON decode error")
        }
        guard case .object(let members) = json else {
            throw FeastError(type: "model_attributes_type", at: [], "Input should be a valid dictionary")
        }
        let ignoresTimes = !isIncremental && members["disable_event_timestamp"]?.bool == true
        if ignoresTimes {
            end = nil
        } else {
            let end = try time(members, "end_ts")
            if !isIncremental, try time(members, "start_ts") > end {
                throw FeastError(type: "value_error", at: [.name("start_ts")], "start_ts is after end_ts")
            }
            self.end = end
        }
        views = try viewNames(members["feature_views"])
        version = try versionNumber(members["version"], views)
    }
}

/// ISO 8601; without a zone in UTC, as Feast's clients send it.
private func time(_ members: [String: JSONValue], _ name: String) throws(FeastError) -> Timestamp {
    guard let value = members[name], value != .null else {
        throw FeastError(type: "missing", at: [.name(name)], "Field required")
    }
    let parsed = value.string.flatMap { text in
        var text = text
        return text.withUTF8 { Timestamp(rfc3339: UnsafeRawBufferPointer($0), zoneIsOptional: true) }
    }
    guard let parsed else {
        throw FeastError(type: "datetime_parsing", at: [.name(name)], "Input should be a valid datetime")
    }
    return parsed
}

private func viewNames(_ value: JSONValue?) throws(FeastError) -> [String]? {
    guard let value, value != .null else { return nil }
    guard let list = value.array else {
        throw FeastError(type: "list_type", at: [.name("feature_views")], "Input should be a valid list")
    }
    var names: [String] = []
    for (index, element) in list.enumerated() {
        guard let name = element.string else {
            throw FeastError(
                type: "string_type", at: [.name("feature_views"), .index(index)], "Input should be a valid string")
        }
        if !names.contains(name) { names.append(name) }
    }
    return names
}

private func versionNumber(_ value: JSONValue?, _ views: [String]?) throws(FeastError) -> Int? {
    guard let value, value != .null else { return nil }
    guard let text = value.string, text.first == "v", let number = Int(text.dropFirst()) else {
        throw FeastError(type: "value_error", at: [.name("version")], "a version is written v2")
    }
    guard views?.count == 1 else {
        throw FeastError(type: "value_error", at: [.name("version")], "a version needs exactly one feature view")
    }
    return number
}
