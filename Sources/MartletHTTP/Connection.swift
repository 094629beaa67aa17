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
    // background task shares with it is in `late` and `busy`.
    private enum Phase { case receiving, tooLarge, waiting }

    /// What a background task and a stopping server may both try to answer.
    private struct Late: @unchecked Sendable {
        // @unchecked: the handle is only given back to libmicrohttpd's thread-safe `MHD_resume_connection`.
        var suspended: OpaquePointer?
        var response: Response?
    }

    private let core: ServerCore
    private let busy = Atomic<Bool>(false)
    private let late = Mutex(Late())
    private var phase = Phase.receiving
    private var body = ByteWriter(capacity: 4_096)
    private var receivedBytes = 0
    /// Of the request that is being received.
    private var bodyLimitBytes = 0
    private var writer = ByteWriter(capacity: 4_096)
    /// A coded answer, or a body as it was sent; empty for requests that need neither.
    private var coded = ByteWriter(capacity: 64)
    private var route: Int?
    private var startNanoseconds: UInt64 = 0

    init(_ core: ServerCore) { self.core = core }

    /// Whether a request is being received or answered.
    var isBusy: Bool { busy.load(ordering: .relaxed) }

    func begin(
        _ connection: OpaquePointer, _ methodText: UnsafePointer<CChar>, _ path: UnsafePointer<CChar>
    ) -> MHD_Result {
        busy.store(true, ordering: .relaxed)
        phase = .receiving
        route = nil
        body.removeAll()
        receivedBytes = 0
        bodyLimitBytes = core.settings.bodyLimitBytes
        let length = cmartlet_http_header(connection, "Content-Length").map { strtoull($0, nil, 10) }
        if let length, length <= UInt64(bodyLimitBytes) { return cmartlet_http_yes() }
        // Long, or of a length not told: some routes take more than others.
        if let method = method(methodText), let limit = core.router.bodyLimit(method, path) { bodyLimitBytes = limit }
        if let length, length > UInt64(bodyLimitBytes) {
            startNanoseconds = monotonicNanoseconds()
            return answer(connection, tooLarge())
        }
        return cmartlet_http_yes()
    }

    func receive(_ bytes: UnsafeRawBufferPointer) -> MHD_Result {
        receivedBytes += bytes.count
        guard receivedBytes <= bodyLimitBytes else {
            phase = .tooLarge
            body.removeAll()
            // The library takes an answer only after the whole body: read some more of it, but not for ever.
            return receivedBytes <= 4 * bodyLimitBytes ? cmartlet_http_yes() : cmartlet_http_no()
        }
        body.append(bytes)
        return cmartlet_http_yes()
    }

    func finish(
        _ connection: OpaquePointer, _ method: UnsafePointer<CChar>, _ path: UnsafePointer<CChar>
    ) -> MHD_Result {
        switch phase {
        case .waiting:
            guard let response = late.withLock({ $0.response.take() }) else { return cmartlet_http_no() }
            return answer(connection, response)
        case .tooLarge:
            startNanoseconds = monotonicNanoseconds()
            return answer(connection, tooLarge())
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
    func complete() { busy.store(false, ordering: .relaxed) }

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
                case .later(let work): return suspend(connection, work)
                case .whenAnswered(let begin): return suspend(connection, until: begin)
                }
            } catch {
                return answer(connection, problem(error))
            }
        }
    }

    private func suspend(_ connection: OpaquePointer, _ work: @escaping @Sendable () async -> Response) -> MHD_Result {
        guard !core.isDraining, core.beginWaiting() else {
            let failure = MartletError(
                .limitExceeded, "too many requests wait for work in the background", fix: "repeat it in a second")
            var response = problem(failure, status: 503)
            response.headers.append(("Retry-After", "1"))
            return answer(connection, response)
        }
        wait(connection)
        Task(executorPreference: core.executor) { [self] in
            let response = await work()
            core.endWaiting()
            resume(with: response)
        }
        return cmartlet_http_yes()
    }

    private func suspend(
        _ connection: OpaquePointer, until begin: @Sendable (@escaping @Sendable (Response) -> Void) -> Void
    ) -> MHD_Result {
        wait(connection)
        begin { [self] in resume(with: $0) }
        return cmartlet_http_yes()
    }

    private func wait(_ connection: OpaquePointer) {
        phase = .waiting
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
        if core.isDraining { MHD_add_response_header(response, "Connection", "close") }
        if let observer = core.observer {
            observer.answered(
                route: route, status: status, nanoseconds: monotonicNanoseconds() &- startNanoseconds)
        }
        return MHD_queue_response(connection, UInt32(status), response)
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

    private func tooLarge() -> Response {
        problem(
            MartletError(
                .limitExceeded, "the body is larger than \(bodyLimitBytes) bytes (body limit)",
                fix: "send it in parts"), status: 413)
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

private func methodNotAllowed(_ methods: [Method]) -> Response {
    var response = problem(MartletError(.usage, "this path does not take that method"), status: 405)
    let allowed = methods.contains(.get) ? methods + [.head] : methods
    response.headers.append(("Allow", allowed.map(\.rawValue).joined(separator: ", ")))
    return response
}

private func method(_ text: UnsafePointer<CChar>) -> Method? {
    // The two of the hot paths first.
    if strcmp(text, "POST") == 0 { return .post }
    if strcmp(text, "GET") == 0 { return .get }
    return Method(rawValue: String(cString: text))
}

private func monotonicNanoseconds() -> UInt64 { SystemTimeSource().monotonicNanoseconds() }
