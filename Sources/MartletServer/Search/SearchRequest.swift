internal import MartletCore
internal import MartletFeatures
internal import MartletOnline

/// The body of a `/search`: which features of which view, and what they shall be near to.
struct SearchRequest {
    let references: [ServingPlan.Reference]
    let query: [Float]
    let count: Int
    let hasFullNames: Bool
    let hasVersionMetadata: Bool
    private let filters: JSONValue?

    /// - Throws: 422, as FastAPI says it; 404 for a service that is not there.
    init(_ body: [UInt8], _ catalog: ServingCatalog, _ settings: FeatureServerSettings) throws(FeastError) {
        guard let json = try? JSONValue(parsing: body) else {
            throw FeastError(type: "json_invalid", at: [.index(0)], "JSON decode error")
        }
        guard case .object(let members) = json else {
            throw FeastError(type: "model_attributes_type", at: [], "Input should be a valid dictionary")
        }
        hasFullNames = try flag(members, "full_feature_names")
        hasVersionMetadata = try flag(members, "include_feature_view_version_metadata")
        references = try wantedFeatures(members, catalog, settings)
        query = try searchedVector(members)
        switch given(members["top_k"]) {
        case .integer(let number)? where number > 0 && number <= Int64(settings.keyLimit): count = Int(number)
        case nil: throw FeastError(type: "missing", at: [.name("top_k")], "Field required")
        default:
            throw FeastError(
                type: "value_error", at: [.name("top_k")],
                "Input should be a whole number from 1 to \(settings.keyLimit) (key limit)")
        }
        if let version = given(members["api_version"]), ![.integer(1), .integer(2)].contains(version) {
            throw FeastError(type: "value_error", at: [.name("api_version")], "Input should be 1 or 2")
        }
        if let metric = given(members["distance_metric"]), metric.string == nil {
            throw FeastError(type: "string_type", at: [.name("distance_metric")], "Input should be a valid string")
        }
        filters = given(members["filters"])
    }

    /// Which entities of the view count.
    /// - Throws: 422 for a filter that is none, or names or compares what cannot be compared.
    func filter(_ view: OnlineView) throws(FeastError) -> RecordFilter? {
        guard let filters else { return nil }
        return try recordFilter(filters, view, at: [.name("filters")], depth: 0)
    }
}

/// The member, nil where it is absent or null.
func given(_ value: JSONValue?) -> JSONValue? { value == .null ? nil : value }

private func flag(_ members: [String: JSONValue], _ name: String) throws(FeastError) -> Bool {
    guard let value = given(members[name]) else { return false }
    guard let flag = value.bool else {
        throw FeastError(type: "bool_type", at: [.name(name)], "Input should be a valid boolean")
    }
    return flag
}

private func wantedFeatures(
    _ members: [String: JSONValue], _ catalog: ServingCatalog, _ settings: FeatureServerSettings
) throws(FeastError) -> [ServingPlan.Reference] {
    if let service = given(members["feature_service"]) {
        guard let name = service.string else {
            throw FeastError(type: "string_type", at: [.name("feature_service")], "Input should be a valid string")
        }
        guard let features = catalog.services[name] else {
            let near = nearestName(to: name, among: catalog.services.keys.sorted())
            throw FeastError(
                status: 404, class: "FeatureServiceNotFoundException",
                "Feature service \(name) does not exist" + (near.map { "; did you mean \($0)?" } ?? ""))
        }
        return features.map { ServingPlan.Reference(view: $0.view, version: nil, feature: $0.feature) }
    }
    guard let list = given(members["features"])?.array, !list.isEmpty else {
        throw FeastError(
            type: "missing", at: [.name("features")], "Field required: name `features` or a `feature_service`")
    }
    guard list.count <= settings.featureLimit else {
        throw FeastError(
            type: "too_long", at: [.name("features")],
            "List should have at most \(settings.featureLimit) items (feature limit), not \(list.count)")
    }
    var references: [ServingPlan.Reference] = []
    for (index, element) in list.enumerated() {
        guard let reference = element.string.flatMap({ ServingPlan.Reference($0) }) else {
            throw FeastError(
                type: "value_error", at: [.name("features"), .index(index)],
                "a feature is named view:feature, or view@v2:feature for a version")
        }
        references.append(reference)
    }
    return references
}

private func searchedVector(_ members: [String: JSONValue]) throws(FeastError) -> [Float] {
    if given(members["query_string"]) != nil {
        throw FeastError(
            type: "value_error", at: [.name("query_string")], "texts are not searched: give a vector as `query`")
    }
    guard let value = given(members["query"]) else {
        throw FeastError(type: "missing", at: [.name("query")], "Field required: the vector to search for")
    }
    guard let list = value.array else {
        throw FeastError(type: "list_type", at: [.name("query")], "Input should be a valid list")
    }
    var query: [Float] = []
    query.reserveCapacity(list.count)
    for (index, element) in list.enumerated() {
        guard let number = element.number else {
            throw FeastError(type: "float_type", at: [.name("query"), .index(index)], "Input should be a valid number")
        }
        query.append(Float(number))
    }
    return query
}
