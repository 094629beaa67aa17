internal import MartletCore
internal import MartletDefinitions
internal import MartletHTTP
internal import MartletPlatform

/// What the command line asks of the server that has the workspace's log. Only for who can read the token in the log's
/// folder, and so for the server's own user on this machine: files are named by their paths.
func addOwnerRoutes(_ workspace: Workspace, _ server: OwnerAddress, _ longWork: LongWork, to router: inout Router) {
    router.on(.post, "/v1/owner/ingest/{source}", priority: .longWork) { request, _ in
        try server.require(request)
        let json = try JSONValue(parsing: request.body)
        guard let list = json["files"]?.array, let user = json["principal"]?.string else {
            throw MartletError(.invalidInput, "the request has no list of files and no principal")
        }
        let files = list.compactMap(\.string)
        guard files.count == list.count, files.allSatisfy({ $0.hasPrefix("/") }) else {
            throw MartletError(.invalidInput, "files are given by their whole paths")
        }
        let source = request.parameters[0]
        let key = json["idempotency_key"]?.string
        return whole {
            let report = try longWork.run { _ in
                try workspace.ingest(
                    source, files: files, idempotencyKey: key,
                    principal: Principal(tenant: workspace.settings.tenant, name: user))
            }
            return Response(body: report.wire)
        }
    }
    router.on(.post, "/v1/owner/deadletters/replay", priority: .work) { request, _ in
        try server.require(request)
        let numbers = try letterNumbers(request)
        return whole {
            let report = try workspace.replayDeadLetters(numbers)
            return Response(body: report.wire)
        }
    }
    router.on(.post, "/v1/owner/deadletters/drop", priority: .work) { request, _ in
        try server.require(request)
        let numbers = try letterNumbers(request)
        return whole {
            try workspace.dropDeadLetters(numbers)
            return Response(body: Array("{\"dropped\":\(numbers.count)}".utf8))
        }
    }
}

/// Work that may block; its errors keep their places, for the client knows the same files.
private func whole(_ work: @escaping @Sendable () throws -> Response) -> Reply {
    .later {
        do {
            return try work()
        } catch {
            return problem(error)
        }
    }
}

private func letterNumbers(_ request: borrowing Request) throws -> [Int64] {
    guard let list = try JSONValue(parsing: request.body)["numbers"]?.array else {
        throw MartletError(.invalidInput, "the request has no list of numbers")
    }
    let numbers = list.compactMap(\.integer)
    guard numbers.count == list.count else { throw MartletError(.invalidInput, "letters are named by their numbers") }
    return numbers
}
