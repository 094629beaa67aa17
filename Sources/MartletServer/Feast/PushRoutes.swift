internal import MartletCore
internal import MartletDefinitions
internal import MartletHTTP
internal import MartletPlatform

/// `POST /push`: rows of a source. They enter once, by the way all events take, and come to the tables and to what is
/// served whatever is asked: `to` says for which of both the answer waits.
func push(_ request: borrowing Request, _ workspace: Workspace, _ intake: RowIntake) throws -> Reply {
    try requireWritable(workspace)
    try requireJSON(request)
    let members = try bodyMembers(request.body)
    let source = try requiredText(members, "push_source_name")
    let (isServed, isLanded): (Bool, Bool)
    switch members["to"]?.string ?? "online" {
    case "online": (isServed, isLanded) = (true, false)
    case "offline": (isServed, isLanded) = (false, true)
    case "online_and_offline": (isServed, isLanded) = (true, true)
    default:
        throw FeastError(
            type: "enum", at: [.name("to")], "Input should be 'online', 'offline' or 'online_and_offline'")
    }
    let rows = try PushedRows(members["df"])
    return feastLater {
        let sources = try workspace.appliedDefinitions().sources
        guard sources.contains(where: { $0.about.name == source }) else {
            let near = nearestName(to: source, among: sources.map(\.about.name))
            throw FeastError(
                status: 422, class: "PushSourceNotFoundException",
                "Unable to find push source '\(source)'" + (near.map { "; did you mean \($0)?" } ?? ""))
        }
        try await intake.accept(rows, of: source, isServed: isServed, isLanded: isLanded)
        return Response()
    }
}

/// `POST /write-to-online-store`: rows of a view with latest values, under the names of its keys and features, as
/// Feast's remote online store sends them. They enter as rows of the view's source.
func writeToOnlineStore(
    _ request: borrowing Request, _ workspace: Workspace, _ intake: RowIntake
) throws -> Reply {
    try requireWritable(workspace)
    try requireJSON(request)
    let members = try bodyMembers(request.body)
    let name = try requiredText(members, "feature_view_name")
    let rows = try PushedRows(members["df"])
    return feastLater {
        let definitions = try workspace.appliedDefinitions()
        guard let view = definitions.views.first(where: { $0.about.name == name }) else {
            let near = nearestName(to: name, among: definitions.views.map(\.about.name))
            throw FeastError(
                status: 404, class: "FeatureViewNotFoundException",
                "Feature view \(name) does not exist" + (near.map { "; did you mean \($0)?" } ?? ""))
        }
        let (source, names) = try sourceColumns(of: view, definitions)
        var renamed = rows
        renamed.columns = try rows.columns.compactMap { column -> PushedRows.Column? in
            guard let target = names[column.name] else {
                throw FeastError(
                    type: "extra_forbidden", at: [.name("df"), .name(column.name)],
                    "the feature view \(name) has no column \(column.name)")
            }
            return target.isEmpty ? nil : PushedRows.Column(name: target, values: column.values)
        }
        // What the source has beside the view's features is not known here.
        for name in try definitions.source(source).optionalColumns
        where !renamed.columns.contains(where: { $0.name == name }) {
            renamed.columns.append(
                PushedRows.Column(name: name, values: [JSONValue](repeating: .null, count: rows.count)))
        }
        let taken = renamed
        try await intake.accept(taken, of: source, isServed: true, isLanded: false)
        return Response(body: Array("null".utf8))
    }
}

/// The view's source, and its column for each name that a row may have; empty for one that the source does not keep.
private func sourceColumns(
    of view: FeatureViewDefinition, _ definitions: AppliedDefinitions
) throws -> (source: String, names: [String: String]) {
    guard case .latest(let features) = view.features, view.isOnline, view.sql == nil, view.reads.isEmpty,
        let sourceName = view.source
    else {
        throw FeastError(
            status: 422, class: "FeastError",
            "Feature view \(view.about.name) is computed from rows of its source: push those with /push")
    }
    let source = try definitions.source(sourceName)
    // The source's own names of its columns in what it is sent.
    func sent(_ column: String) -> String {
        source.columns.first { $0.name == column }.map { $0.from ?? $0.name } ?? column
    }
    var names: [String: String] = [:]
    for key in try definitions.keys(of: view) { names[key.name] = sent(view.keyColumns[key.name] ?? key.name) }
    for feature in features { names[feature.name] = sent(feature.column) }
    names["event_timestamp"] = sent(view.eventTime ?? source.eventTime)
    names["created"] = source.arrivalTime.map(sent) ?? ""
    return (sourceName, names)
}

extension SourceDefinition {
    /// What its columns that may be null are called in what it is sent.
    fileprivate var optionalColumns: [String] {
        columns.filter { $0.isNullable && $0.constant == nil }.map { $0.from ?? $0.name }
    }
}

private func bodyMembers(_ body: UnsafeRawBufferPointer) throws(FeastError) -> [String: JSONValue] {
    guard let json = try? JSONValue(parsing: body) else {
        throw FeastError(type: "json_invalid", at: [.index(0)], "JSON decode error")
    }
    guard case .object(let members) = json else {
        throw FeastError(type: "model_attributes_type", at: [], "Input should be a valid dictionary")
    }
    return members
}

private func requiredText(_ members: [String: JSONValue], _ name: String) throws(FeastError) -> String {
    guard let value = members[name], value != .null else {
        throw FeastError(type: "missing", at: [.name(name)], "Field required")
    }
    guard let text = value.string else {
        throw FeastError(type: "string_type", at: [.name(name)], "Input should be a valid string")
    }
    return text
}
