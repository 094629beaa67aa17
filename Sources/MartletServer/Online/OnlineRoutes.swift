internal import MartletCore
internal import MartletHTTP
internal import MartletOnline

/// Adds our own reading of features: of one service, which the path names, or of several services and features.
func addOnlineRoutes(_ online: OnlineHandler, to router: inout Router) {
    router.on(.post, "/v1/online") { request, writer in
        try online.reply(request, service: nil, &writer)
    }
    router.on(.post, "/v1/online/{service}") { request, writer in
        try online.reply(request, service: request.parameters[0], &writer)
    }
}

extension OnlineHandler {
    fileprivate func reply(
        _ request: borrowing Request, service: String?, _ writer: inout ByteWriter
    ) throws -> Reply {
        let call: OnlineCall
        do {
            call = try onlineCall(
                request.body, isPadded: true, service: service,
                acceptsArrow: request.header("Accept")?.contains(OnlineCall.arrowType) == true)
        } catch let refusal as OnlineRefusal {
            return .response(refusal.response)
        }
        // A network must not hold up the server's own threads.
        if store.isRemote {
            return .later { [self] in
                var writer = ByteWriter()
                do {
                    let type = try write(call, to: &writer)
                    return Response(contentType: type, body: writer.copied())
                } catch {
                    return refusal(of: error)
                }
            }
        }
        do {
            return .written(status: 200, try write(call, to: &writer))
        } catch {
            return .response(refusal(of: error))
        }
    }

    private func write(_ call: OnlineCall, to writer: inout ByteWriter) throws -> ContentType {
        let vectors = try vectors(call)
        try log(vectors)
        switch call.layout {
        case .rows: vectors.writeRows(to: &writer)
        case .columns: vectors.writeColumns(to: &writer)
        case .arrow:
            try vectors.writeArrow(to: &writer)
            return .arrowStream
        }
        return .json
    }

    private func refusal(of error: any Error) -> Response {
        if let error = error as? FeastError { return OnlineRefusal(error).response }
        var response = problem(error)
        // The circuit is tried again within a second or so.
        if response.status == 503 { response.headers.append(("Retry-After", "1")) }
        return response
    }
}

extension ContentType {
    static let arrowStream = ContentType("application/vnd.apache.arrow.stream")
}
