internal import MartletCore
internal import MartletHTTP

/// The parts of a `/get-online-features` body, still on the document's tape.
struct OnlineRequest {
    /// What is asked for: a list of references or the name of a service.
    enum Wanted {
        case features(JSONElement)
        case service(JSONElement)

        var service: String? { if case .service(let name) = self { name.string } else { nil } }
    }

    struct EntityColumn {
        let name: UnsafeRawBufferPointer
        let values: JSONElement
    }

    let wanted: Wanted
    let hasFullNames: Bool
    let hasVersionMetadata: Bool
    /// In the order given, all of `rowCount` values.
    let entities: [EntityColumn]
    let rowCount: Int

    /// - Parameter columns: memory to use again.
    init(
        _ root: JSONElement, settings: FeatureServerSettings, columns: inout [EntityColumn]
    ) throws(FeastError) {
        guard root.kind == .object else {
            throw FeastError(type: "model_attributes_type", at: [], "Input should be a valid dictionary")
        }
        var features: JSONElement?
        var service: JSONElement?
        var entities: JSONElement?
        var hasFullNames = false
        var hasVersionMetadata = false
        for (name, value) in root.members {
            if name.equals("features") {
                features = value.isNull ? nil : value
            } else if name.equals("feature_service") {
                service = value.isNull ? nil : value
            } else if name.equals("entities") {
                entities = value
            } else if name.equals("full_feature_names") {
                hasFullNames = try flag(value, "full_feature_names")
            } else if name.equals("include_feature_view_version_metadata") {
                hasVersionMetadata = try flag(value, "include_feature_view_version_metadata")
            }
        }
        self.hasFullNames = hasFullNames
        self.hasVersionMetadata = hasVersionMetadata
        wanted = try OnlineRequest.wanted(features, service, settings)
        guard let entities else { throw FeastError(type: "missing", at: [.name("entities")], "Field required") }
        try readEntityColumns(entities, into: &columns)
        self.entities = columns
        rowCount = try commonCount(self.entities, settings)
    }

    private static func wanted(
        _ features: JSONElement?, _ service: JSONElement?, _ settings: FeatureServerSettings
    ) throws(FeastError) -> Wanted {
        if let service {
            guard service.kind == .string else {
                throw FeastError(type: "string_type", at: [.name("feature_service")], "Input should be a valid string")
            }
            return .service(service)
        }
        guard let features else {
            throw FeastError(
                type: "missing", at: [.name("features")], "Field required: name `features` or a `feature_service`")
        }
        guard features.kind == .array else {
            throw FeastError(type: "list_type", at: [.name("features")], "Input should be a valid list")
        }
        guard features.count > 0 else {
            throw FeastError(type: "too_short", at: [.name("features")], "List should have at least 1 item")
        }
        guard features.count <= settings.featureLimit else {
            throw FeastError(
                type: "too_long", at: [.name("features")],
                "List should have at most \(settings.featureLimit) items (feature limit), not \(features.count)")
        }
        return .features(features)
    }
}

private func flag(_ element: JSONElement, _ name: String) throws(FeastError) -> Bool {
    guard let value = element.bool else {
        throw FeastError(type: "bool_type", at: [.name(name)], "Input should be a valid boolean")
    }
    return value
}

func readEntityColumns(
    _ element: JSONElement, into columns: inout [OnlineRequest.EntityColumn]
) throws(FeastError) {
    columns.removeAll(keepingCapacity: true)
    guard element.kind == .object else {
        throw FeastError(type: "dict_type", at: [.name("entities")], "Input should be a valid dictionary")
    }
    for (name, values) in element.members {
        guard values.kind == .array else {
            throw FeastError(
                type: "list_type", at: [.name("entities"), .name(text(name))], "Input should be a valid list")
        }
        // Of a repeated name the last counts, as in Python; a linear search is enough for the few there are.
        if columns.count > 64 {
            throw FeastError(type: "too_long", at: [.name("entities")], "at most 64 entity columns (entity limit)")
        }
        if !columns.isEmpty { columns.removeAll { $0.name.elementsEqual(name) } }
        columns.append(OnlineRequest.EntityColumn(name: name, values: values))
    }
}

func commonCount(
    _ columns: [OnlineRequest.EntityColumn], _ settings: FeatureServerSettings
) throws(FeastError) -> Int {
    guard let first = columns.first else {
        throw FeastError(type: "too_short", at: [.name("entities")], "Dictionary should have at least 1 item")
    }
    let count = first.values.count
    for column in columns where column.values.count != count {
        throw FeastError(
            type: "value_error", at: [.name("entities"), .name(text(column.name))],
            "the lists differ in length: \(column.values.count) values here, \(count) in \(text(first.name))")
    }
    guard count > 0 else {
        throw FeastError(
            type: "too_short", at: [.name("entities"), .name(text(first.name))], "List should have at least 1 item")
    }
    guard count <= settings.keyLimit else {
        throw FeastError(
            type: "too_long", at: [.name("entities"), .name(text(first.name))],
            "List should have at most \(settings.keyLimit) items (key limit), not \(count)")
    }
    return count
}

func text(_ utf8: UnsafeRawBufferPointer) -> String { String(decoding: utf8, as: UTF8.self) }
