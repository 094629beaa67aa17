internal import CCurl
internal import MartletCore

/// A libcurl handle with the memory that it reads and writes while it works for one request.
final class ClientTransfer {
    let handle: UnsafeMutableRawPointer
    private var headers: UnsafeMutablePointer<curl_slist>?
    private var redirections: UnsafeMutablePointer<curl_slist>?
    private var body: UnsafeMutableRawBufferPointer = .init(start: nil, count: 0)
    private var received: [UInt8] = []
    private var responseBytes = 0
    private var isTooLong = false
    /// Which of the caller's requests it works for.
    private(set) var index = 0

    init() {
        guard let handle = curl_easy_init() else { preconditionFailure("libcurl has no memory for a handle") }
        self.handle = handle
    }

    deinit {
        curl_easy_cleanup(handle)
        release()
    }

    private func release() {
        curl_slist_free_all(headers)
        curl_slist_free_all(redirections)
        headers = nil
        redirections = nil
        body.deallocate()
        body = .init(start: nil, count: 0)
    }

    /// Prepares the handle; it keeps its connection.
    func begin(_ request: ClientRequest, index: Int, _ settings: HTTPClientSettings, timeoutMilliseconds: Int) {
        release()
        curl_easy_reset(handle)
        self.index = index
        received = []
        isTooLong = false
        responseBytes = settings.responseBytes
        cmartlet_curl_set_text(handle, CURLOPT_URL, request.url)
        cmartlet_curl_set_text(handle, CURLOPT_PROTOCOLS_STR, "http,https")
        cmartlet_curl_set_text(handle, CURLOPT_CUSTOMREQUEST, request.method)
        // Signals and threads do not go together.
        cmartlet_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
        cmartlet_curl_set_long(handle, CURLOPT_TIMEOUT_MS, max(1, timeoutMilliseconds))
        cmartlet_curl_set_long(
            handle, CURLOPT_CONNECTTIMEOUT_MS, max(1, min(timeoutMilliseconds, settings.connectTimeoutMilliseconds)))
        cmartlet_curl_set_long(handle, CURLOPT_TCP_KEEPALIVE, 1)
        if let file = settings.certificateAuthorities { cmartlet_curl_set_text(handle, CURLOPT_CAINFO, file) }
        if isLoopback(request.url) { cmartlet_curl_set_text(handle, CURLOPT_PROXY, "") }
        setBody(request)
        setHeaders(request, settings)
        cmartlet_curl_set_writer(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, target in
            guard let bytes, let target else { return 0 }
            let transfer = Unmanaged<ClientTransfer>.fromOpaque(target).takeUnretainedValue()
            return transfer.receive(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
        }
        cmartlet_curl_set_pointer(handle, CURLOPT_WRITEDATA, Unmanaged.passUnretained(self).toOpaque())
    }

    private func setBody(_ request: ClientRequest) {
        guard !request.body.isEmpty || request.method == "POST" || request.method == "PUT" else { return }
        // libcurl reads it where it lies, also to sign it.
        body = .allocate(byteCount: max(1, request.body.count), alignment: 1)
        body.copyBytes(from: request.body)
        cmartlet_curl_set_long(handle, CURLOPT_POSTFIELDSIZE, request.body.count)
        cmartlet_curl_set_pointer(handle, CURLOPT_POSTFIELDS, body.baseAddress)
    }

    private func setHeaders(_ request: ClientRequest, _ settings: HTTPClientSettings) {
        var lines = request.headers
        if let connectTo = settings.connectTo {
            redirections = curl_slist_append(redirections, connectTo)
            cmartlet_curl_set_pointer(handle, CURLOPT_CONNECT_TO, redirections)
        }
        if let signature = request.signature {
            cmartlet_curl_set_text(
                handle, CURLOPT_AWS_SIGV4, "aws:amz:\(signature.region):\(signature.service)")
            cmartlet_curl_set_text(handle, CURLOPT_USERNAME, signature.accessKey)
            cmartlet_curl_set_text(handle, CURLOPT_PASSWORD, signature.secretKey)
            if let token = signature.sessionToken { lines.append("x-amz-security-token: \(token)") }
        }
        for line in lines { headers = curl_slist_append(headers, line) }
        cmartlet_curl_set_pointer(handle, CURLOPT_HTTPHEADER, headers)
    }

    private func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard received.count + bytes.count <= responseBytes else {
            isTooLong = true
            return false
        }
        received.append(contentsOf: bytes)
        return true
    }

    /// What came of it.
    func outcome(_ result: CURLcode) -> ClientOutcome {
        if isTooLong {
            return .failure(MartletError(.limitExceeded, "an answer is longer than \(responseBytes) bytes"))
        }
        guard result == CURLE_OK else {
            let reason = String(cString: curl_easy_strerror(result))
            return .failure(MartletError(.storeUnavailable, "a request over HTTP failed: \(reason)"))
        }
        var status = 0
        cmartlet_curl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
        return .success(ClientResponse(status: status, body: received))
    }
}

/// A proxy of the environment is of no use for what runs on this machine.
private func isLoopback(_ url: String) -> Bool {
    ["127.0.0.1:", "localhost:", "[::1]:"].contains { url.hasPrefix("http://\($0)") || url.hasPrefix("https://\($0)") }
}
