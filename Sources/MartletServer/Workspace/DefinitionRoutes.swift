internal import MartletCore
internal import MartletDefinitions
internal import MartletHTTP
internal import MartletPlatform
internal import MartletRegistry

/// `POST /v1/plan`: what the definitions in the request, or those of the server's own repository, would change.
func planDefinitions(_ request: borrowing Request, _ workspace: Workspace) throws -> Reply {
    do {
        try requireJSON(request)
    } catch {
        return .response(error.response)
    }
    let sent = try SentDefinitions(request.body)
    return later {
        let plan = try workspace.plan(files: sent.files)
        var json = JSONWriter()
        write(plan, to: &json)
        return Response(body: json.bytes)
    }
}

/// `POST /v1/apply`: makes them current, all or none.
func applyDefinitions(
    _ request: borrowing Request, _ workspace: Workspace, _ afterApply: @escaping @Sendable () throws -> Void
) throws -> Reply {
    do {
        try requireWritable(workspace)
        try requireJSON(request)
    } catch {
        return .response(error.response)
    }
    let sent = try SentDefinitions(request.body)
    let key = try idempotencyKey(of: request)
    return later {
        let plan = try workspace.plan(files: sent.files)
        let result = try workspace.apply(
            plan, base: sent.baseRevision, idempotencyKey: key, principal: requestPrincipal(workspace))
        try afterApply()
        var json = JSONWriter()
        json.object {
            $0.member("revision", result.set.revision)
            $0.member("is_new", result.isNew)
            $0.key("plan")
            write(plan, to: &$0)
        }
        return Response(body: json.bytes)
    }
}

/// `{"files": {PATH: TEXT, …}, "base_revision": N}`, both optional.
private struct SentDefinitions: Sendable {
    /// nil means the server's own repository.
    let files: [String: [UInt8]]?
    let baseRevision: Int64?

    init(_ body: UnsafeRawBufferPointer) throws {
        let json = try JSONValue(parsing: body)
        guard let members = json.object else { throw MartletError(.invalidInput, "the request is no JSON object") }
        if let unknown = members.keys.sorted().first(where: { $0 != "files" && $0 != "base_revision" }) {
            throw MartletError(.invalidInput, "the request has no member \(unknown)", fix: "files or base_revision")
        }
        files = try members["files"].map { value in
            guard let texts = value.object else { throw MartletError(.invalidInput, "files is no JSON object") }
            return try texts.mapValues { text in
                guard let text = text.string else { throw MartletError(.invalidInput, "a file is sent as its text") }
                return Array(text.utf8)
            }
        }
        baseRevision = try members["base_revision"].map { value in
            guard let number = value.integer else { throw MartletError(.invalidInput, "base_revision is a number") }
            return number
        }
    }
}

private func write(_ plan: ApplyPlan, to json: inout JSONWriter) {
    json.object { json in
        json.member("base_revision", plan.baseRevision)
        json.member("is_empty", plan.isEmpty)
        json.member("text", plan.text)
        json.key("changes")
        json.array { for change in plan.diff.changes { write(change, to: &$0) } }
    }
}

private func write(_ change: RepositoryDiff.Change, to json: inout JSONWriter) {
    json.object {
        $0.member("kind", change.key.kind.rawValue)
        $0.member("name", change.key.name)
        switch change.action {
        case .added: $0.member("action", "add")
        case .removed: $0.member("action", "remove")
        case .changed(let fields):
            $0.member("action", "change")
            $0.member("fields", fields.map(\.text))
        }
        $0.member("downstream", change.downstream.map(\.description))
    }
}
