internal import CMicroHTTP
internal import Glibc
internal import MartletCore
internal import Synchronization

/// One client's connection with the buffers that its requests reuse.
///
/// A request goes through `begin`, any number of `receive`, and `finish`; where its handler answers later, the
/// connection is suspended, and `finish` comes again once `resume` was called.
final class Connection: @unchecked Sendable {
    // @unchecked: libmicrohttpd serves a connection on one thread, which alone touches the plain fields; what the
    // background task shares with it is in `late`, what the server's patrol sees in `watch`. `shut` and `isShut` are
    // used under the lock of the server's connections.
    private enum Phase { case receiving, refused(Response), waiting }

    /// What a background task and a stopping server may both try to answer.
    private struct Late: @unchecked Sendable {
        // @unchecked: the handle is only given back to libmicrohttpd's thread-safe `MHD_resume_connection`.
        var suspended: OpaquePointer?
        var response: Response?
    }

    let core: ServerCore
    private let socket: Int32
    let watch = ConnectionWatch()
    private(set) var isShut = false
    /// Whether it is one more than there may be.
    var isSurplus = false
    private let late = Mutex(Late())
    private var phase = Phase.receiving
    private var body = ByteWriter(capacity: 4_096)
    private var receivedBytes = 0
    /// Of the request that is being received.
    private(set) var bodyLimitBytes = 0
    /// What its body may fill before more memory is asked for.
    private var grantedBytes = 0
    /// Whether it has its place for long work since its head came.
    private var holdsLongWork = false
    // The library's, until the request is complete.
    private var methodText: UnsafePointer<CChar>?
    private var pathText: UnsafePointer<CChar>?
    /// Of the client, for the access log.
    private let client: String
    private var writer = ByteWriter(capacity: 4_096)
    /// A coded answer, or a body as it was sent; empty for requests that need neither.
    private var coded = ByteWriter(capacity: 64)
    private var route: Int?
    private var startNanoseconds: UInt64 = 0

    init(_ core: ServerCore, _ handle: OpaquePointer) {
        self.core = core
        socket = cmartlet_http_socket(handle)
        client = core.accessLog == nil ? "" : clientName(handle)
        watch.mark(.idle, tick: core.tick)
    }

    /// Ends it from another thread: the library finds its socket closed.
    func shut() {
        isShut = true
        shutdown(socket, Int32(SHUT_RDWR))
    }

    func begin(
        _ connection: OpaquePointer, _ methodText: UnsafePointer<CChar>, _ path: UnsafePointer<CChar>
    ) -> MHD_Result {
        watch.mark(.receiving, tick: core.tick)
        (self.methodText, pathText) = (methodText, path)
        phase = .receiving
        route = nil
        body.removeAll()
        receivedBytes = 0
        bodyLimitBytes = core.settings.bodyLimitBytes
        grantedBytes = Self.freeBodyBytes
        let framing = cmartlet_http_framing_of(connection)
        let length = framing.length.map { strtoull($0, nil, 10) }
        if let length, !isSurplus, length <= UInt64(bodyLimitBytes), framing.length_count == 1, framing.encoding == nil
        {
            return cmartlet_http_yes()
        }
        guard let refusal = refusal(method(methodText), path, framing, length) else { return cmartlet_http_yes() }
        startNanoseconds = monotonicNanoseconds()
        return answer(connection, refusal)
    }

    /// Looks at the head of a request that is not an everyday one: its body is long or of a length not told, or its
    /// connection is one too many. Some routes take more than others.
    private func refusal(
        _ method: Method?, _ path: UnsafePointer<CChar>, _ framing: cmartlet_http_framing, _ length: UInt64?
    ) -> Response? {
        // What stands between the client and here may have read another request out of one that is framed twice.
        if framing.length_count > (framing.encoding == nil ? 1 : 0) {
            return ended(problem(MartletError(.usage, "a request has one Content-Length or a Transfer-Encoding")))
        }
        if let encoding = framing.encoding, strcasecmp(encoding, "chunked") != 0 {
            return ended(problem(MartletError(.usage, "the only Transfer-Encoding that is read is chunked")))
        }
        let route = method.flatMap { core.router.route($0, path) }
        if isSurplus, core.isFull, route?.priority != .probe {
            return ended(unavailable(.connections, "too many connections are open (connection limit)"))
        }
        if let limit = route?.bodyLimitBytes { bodyLimitBytes = limit }
        if let length, length > UInt64(bodyLimitBytes) { return tooLarge() }
        if route?.priority == .longWork, length ?? .max > UInt64(core.settings.bodyLimitBytes) {
            // Before the body comes, which may be long.
            guard core.admission.enter(.longWork) else { return tooMuchWork(.longWork) }
            holdsLongWork = true
        }
        return nil
    }

    /// Of every body; more is counted.
    private static let freeBodyBytes = 64 << 10
    private static let bodyStepBytes = 1 << 20

    func receive(_ bytes: UnsafeRawBufferPointer) -> MHD_Result {
        receivedBytes += bytes.count
        watch.received(bytes: receivedBytes)
        if case .refused = phase { return skipBody() }
        guard receivedBytes <= bodyLimitBytes else { return refuseBody(tooLarge()) }
        while receivedBytes > grantedBytes {
            guard core.admission.hold(bodyBytes: Self.bodyStepBytes) else {
                return refuseBody(unavailable(.bodyMemory, "too many long bodies are being received"))
            }
            grantedBytes += Self.bodyStepBytes
        }
        body.append(bytes)
        return cmartlet_http_yes()
    }

    private func refuseBody(_ response: Response) -> MHD_Result {
        phase = .refused(response)
        body.removeAll()
        releaseBody()
        return skipBody()
    }

    /// The library takes an answer only after the whole body: reads some more of it, but not for ever.
    private func skipBody() -> MHD_Result {
        receivedBytes <= 4 * bodyLimitBytes ? cmartlet_http_yes() : cmartlet_http_no()
    }

    private func releaseBody() {
        if grantedBytes > Self.freeBodyBytes {
            core.admission.release(bodyBytes: grantedBytes - Self.freeBodyBytes)
            grantedBytes = Self.freeBodyBytes
        }
    }

    func finish(
        _ connection: OpaquePointer, _ method: UnsafePointer<CChar>, _ path: UnsafePointer<CChar>
    ) -> MHD_Result {
        switch phase {
        case .waiting:
            guard let response = late.withLock({ $0.response.take() }) else { return cmartlet_http_no() }
            return answer(connection, response)
        case .refused(let response):
            startNanoseconds = monotonicNanoseconds()
            return answer(connection, response)
        case .receiving:
            startNanoseconds = monotonicNanoseconds()
            if let coding = cmartlet_http_header(connection, "Content-Encoding"),
                let refusal = decodeBody(coding)
            {
                return answer(connection, refusal)
            }
            return dispatch(connection, method, path)
        }
    }

    /// Puts in place of the body what it holds.
    /// - Returns: the refusal where it cannot be read.
    private func decodeBody(_ coding: UnsafePointer<CChar>) -> Response? {
        if strcasecmp(coding, "identity") == 0 { return nil }
        guard strcasecmp(coding, "gzip") == 0 || strcasecmp(coding, "x-gzip") == 0 else {
            return problem(
                MartletError(
                    .usage, "the body of this request has a coding that is not read",
                    fix: "send it plain or with Content-Encoding: gzip"), status: 415)
        }
        coded.removeAll()
        coded.append(body.bytes)
        body.removeAll()
        let decoded = decodeGzip(coded.bytes, limitBytes: bodyLimitBytes, to: &body)
        coded.removeAll(keeping: 1 << 16)
        switch decoded {
        case .bytes: return nil
        case .tooLarge: return tooLarge()
        case .damaged:
            return problem(MartletError(.invalidInput, "the body is not the gzip that it is said to be"), status: 400)
        }
    }

    /// The answer has left, or the client has gone.
    func complete() {
        releaseBody()
        if holdsLongWork {
            holdsLongWork = false
            core.admission.leave(.longWork)
        }
        // What was long must not stay while the connection is idle.
        if body.capacity > 1 << 20 { body.removeAll() }
        if writer.capacity > 1 << 20 { writer.removeAll() }
        if coded.capacity > 1 << 20 { coded.removeAll() }
        watch.mark(.idle, tick: core.tick)
    }

    /// Answers a suspended request; does nothing where another has done so.
    func resume(with response: Response) {
        late.withLock { late in
            guard let connection = late.suspended.take() else { return }
            late.response = response
            // Within the lock: the connection lives at least until it is resumed.
            MHD_resume_connection(connection)
        }
    }

    private func dispatch(
        _ connection: OpaquePointer, _ methodText: UnsafePointer<CChar>, _ path: UnsafePointer<CChar>
    ) -> MHD_Result {
        guard let method = method(methodText) else {
            return answer(connection, methodNotAllowed([]))
        }
        switch core.router.match(method, path) {
        case .none:
            return answer(connection, problem(MartletError(.notFound, "there is nothing at this path")))
        case .otherMethods(let methods):
            return answer(connection, methodNotAllowed(methods))
        case .found(let route, let parameters):
            self.route = route
            // simdjson reads, and ignores, up to 64 bytes beyond the end.
            body.reserve(JSONDocument.paddingBytes)
            let request = Request(
                connection: connection, method: method, pathBytes: path, body: body.bytes, parameters: parameters)
            writer.removeAll()
            do {
                switch try core.router.routes[route].handler(request, &writer) {
                case .written(let status, let contentType):
                    return send(connection, status, contentType, headers: [])
                case .response(let response): return answer(connection, response)
                case .later(let work): return suspend(connection, core.router.routes[route].priority, work)
                case .whenAnswered(let begin): return suspend(connection, until: begin)
                }
            } catch {
                return answer(connection, problem(error))
            }
        }
    }

    private func suspend(
        _ connection: OpaquePointer, _ priority: RoutePriority, _ work: @escaping @Sendable () async -> Response
    ) -> MHD_Result {
        if core.isStopping || core.isDraining && priority == .longWork {
            return answer(connection, unavailable(.draining, "this server is stopping"))
        }
        // From here on its place is given back by the work's end, not by the request's.
        guard holdsLongWork || core.admission.enter(priority) else { return answer(connection, tooMuchWork(priority)) }
        holdsLongWork = false
        wait(connection)
        let executor: any TaskExecutor =
            switch priority {
            case .probe, .online: core.onlineExecutor
            case .work: core.executor
            case .longWork: core.longWorkExecutor
            }
        Task(executorPreference: executor) { [self] in
            let response = await work()
            core.admission.leave(priority)
            resume(with: response)
        }
        return cmartlet_http_yes()
    }

    /// It takes no place: no thread works for it, and whoever answers has limits of its own.
    private func suspend(
        _ connection: OpaquePointer, until begin: @Sendable (@escaping @Sendable (Response) -> Void) -> Void
    ) -> MHD_Result {
        wait(connection)
        begin { [self] in resume(with: $0) }
        return cmartlet_http_yes()
    }

    private func wait(_ connection: OpaquePointer) {
        phase = .waiting
        watch.mark(.waiting, tick: core.tick)
        late.withLock { late in
            late.suspended = connection
            late.response = nil
        }
        MHD_suspend_connection(connection)
    }

    private func answer(_ connection: OpaquePointer, _ response: Response) -> MHD_Result {
        writer.removeAll()
        writer.append(contentsOf: response.body)
        return send(connection, response.status, response.contentType, headers: response.headers)
    }

    /// Sends what is in the writer, which stays untouched until the next request of this connection, after the answer
    /// has left.
    private func send(
        _ connection: OpaquePointer, _ status: Int, _ contentType: ContentType, headers: [(name: String, value: String)]
    ) -> MHD_Result {
        let coding = coding(for: connection, contentType)
        let bytes = coding == nil ? writer.bytes : coded.bytes
        guard let response = cmartlet_http_response(bytes.baseAddress, bytes.count) else { return cmartlet_http_no() }
        defer { MHD_destroy_response(response) }
        addHeader(response, "Content-Type", contentType.text)
        if let coding { addHeader(response, "Content-Encoding", coding.name) }
        if writer.count >= core.settings.compressionBytes, contentType.isText {
            // Caches must not give one client's coding to another.
            addHeader(response, "Vary", "Accept-Encoding")
        }
        for (name, value) in headers { MHD_add_response_header(response, name, value) }
        if core.isDraining || isSurplus && core.isFull { MHD_add_response_header(response, "Connection", "close") }
        watch.mark(.sending, tick: core.tick, bytes: bytes.count)
        if let log = core.accessLog { record(to: log, status, sentBytes: bytes.count) }
        if let observer = core.observer {
            observer.answered(
                route: route, status: status, nanoseconds: monotonicNanoseconds() &- startNanoseconds)
        }
        return MHD_queue_response(connection, UInt32(status), response)
    }

    private func record(to log: AccessLog, _ status: Int, sentBytes: Int) {
        log.record(
            route: route, status: status, nanoseconds: monotonicNanoseconds() &- startNanoseconds,
            receivedBytes: receivedBytes, sentBytes: sentBytes, client: client, method: methodText, path: pathText)
    }

    /// Codes what is in the writer, where the client takes it and it is long enough to be worth it.
    private func coding(for connection: OpaquePointer, _ contentType: ContentType) -> ContentCoding? {
        guard writer.count >= core.settings.compressionBytes, contentType.isText,
            let accepted = cmartlet_http_header(connection, "Accept-Encoding"),
            let coding = ContentCoding(accepting: accepted)
        else { return nil }
        coded.removeAll()
        guard coding.encode(writer.bytes, to: &coded), coded.count < writer.count else { return nil }
        return coding
    }
}

private func addHeader(_ response: OpaquePointer, _ name: StaticString, _ value: StaticString) {
    // A static string ends with a zero.
    name.withUTF8Buffer { name in
        value.withUTF8Buffer { value in
            _ = name.withMemoryRebound(to: CChar.self) { name in
                value.withMemoryRebound(to: CChar.self) { value in
                    MHD_add_response_header(response, name.baseAddress, value.baseAddress)
                }
            }
        }
    }
}

private func method(_ text: UnsafePointer<CChar>) -> Method? {
    // The two of the hot paths first.
    if strcmp(text, "POST") == 0 { return .post }
    if strcmp(text, "GET") == 0 { return .get }
    return Method(rawValue: String(cString: text))
}

private func monotonicNanoseconds() -> UInt64 { SystemTimeSource().monotonicNanoseconds() }
