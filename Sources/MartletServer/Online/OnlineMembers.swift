internal import MartletCore
internal import MartletHTTP

/// The members of a request to `/v1/online`, still on the document's tape.
struct OnlineMembers {
    private(set) var services: [String]
    private(set) var features: [String] = []
    /// Of `entities` and `request`.
    private(set) var columns: [OnlineRequest.EntityColumn] = []
    private(set) var layout = OnlineCall.Layout.rows
    private(set) var deadlineMilliseconds: Int?
    private(set) var hasRowSnapshots = false

    private static let names = [
        "services", "features", "entities", "request", "layout", "deadline_ms", "row_snapshots",
    ]
    private static let serviceLimit = 64

    /// - Parameter service: the one that the path names.
    /// - Throws: 422 for what does not fit, `OnlineRefusal` for a member that is not known.
    init(_ root: JSONElement, service: String?, _ settings: FeatureServerSettings) throws {
        services = service.map { [$0] } ?? []
        guard root.kind == .object else { throw Self.unfit("", "the request is a JSON object") }
        var entities: JSONElement?
        var request: JSONElement?
        for (name, value) in root.members where !value.isNull {
            switch text(name) {
            case "services":
                let names = try Self.texts(value, "services", limit: Self.serviceLimit)
                let known = services
                services += names.filter { !known.contains($0) }
            case "features": features = try Self.texts(value, "features", limit: settings.featureLimit)
            case "entities": entities = value
            case "request": request = value
            case "layout":
                switch value.string {
                case "rows": layout = .rows
                case "columns": layout = .columns
                default: throw Self.unfit("layout", "Input should be 'rows' or 'columns'")
                }
            case "deadline_ms":
                let limit = OnlineCall.deadlineLimitMilliseconds
                guard let number = value.int64, (1...Int64(limit)).contains(number) else {
                    throw Self.unfit("deadline_ms", "Input should be a whole number from 1 to \(limit)")
                }
                deadlineMilliseconds = Int(number)
            case "row_snapshots":
                guard let flag = value.bool else { throw Self.unfit("row_snapshots", "Input should be true or false") }
                hasRowSnapshots = flag
            case let other:
                throw OnlineRefusal(
                    400,
                    MartletError(
                        .usage, "the request has no member \(other)",
                        fix: nearestName(to: other, among: Self.names).map { "did you mean \($0)?" }
                            ?? Self.names.joined(separator: ", ")))
            }
        }
        guard !services.isEmpty || !features.isEmpty else {
            throw Self.unfit("services", "Field required: name `services`, or `features` as view:feature")
        }
        guard let entities else { throw Self.unfit("entities", "Field required") }
        try readEntityColumns(entities, into: &columns)
        guard let request else { return }
        var more: [OnlineRequest.EntityColumn] = []
        try readEntityColumns(request, into: &more)
        for column in more where columns.contains(where: { $0.name.elementsEqual(column.name) }) {
            throw Self.unfit("request", "\(text(column.name)) stands in `entities` and in `request`")
        }
        columns += more
    }

    private static func texts(_ value: JSONElement, _ name: StaticString, limit: Int) throws -> [String] {
        guard value.kind == .array else { throw unfit("\(name)", "Input should be a list") }
        guard value.count <= limit else {
            throw unfit("\(name)", "List should have at most \(limit) items, not \(value.count)")
        }
        return try value.elements.map { element in
            guard let text = element.string else { throw unfit("\(name)", "Every item should be a text") }
            return text
        }
    }

    private static func unfit(_ name: String, _ message: String) -> OnlineRefusal {
        OnlineRefusal(422, MartletError(.invalidInput, name.isEmpty ? message : "\(name): \(message)"))
    }
}
