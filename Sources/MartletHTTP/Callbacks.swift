internal import CMicroHTTP

// What libmicrohttpd calls. They are plain functions in a file of their own: a closure written in a `main.swift` would
// inherit the main actor and trap on the library's threads.

func handleRequest(
    _ context: UnsafeMutableRawPointer?, _ handle: OpaquePointer?, _ path: UnsafePointer<CChar>?,
    _ method: UnsafePointer<CChar>?, _ version: UnsafePointer<CChar>?, _ upload: UnsafePointer<CChar>?,
    _ uploadCount: UnsafeMutablePointer<Int>?, _ request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let handle, let path, let method, let uploadCount, let request,
        let state = cmartlet_http_context(handle)
    else { return cmartlet_http_no() }
    let connection = Unmanaged<Connection>.fromOpaque(state).takeUnretainedValue()
    if request.pointee == nil {
        request.pointee = state
        return connection.begin(handle, method, path)
    }
    if uploadCount.pointee > 0 {
        defer { uploadCount.pointee = 0 }
        return connection.receive(UnsafeRawBufferPointer(start: upload, count: uploadCount.pointee))
    }
    return connection.finish(handle, method, path)
}

func completeRequest(
    _ context: UnsafeMutableRawPointer?, _ handle: OpaquePointer?,
    _ request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ code: MHD_RequestTerminationCode
) {
    guard let state = request?.pointee else { return }
    Unmanaged<Connection>.fromOpaque(state).takeUnretainedValue().complete()
    request?.pointee = nil
}

func changeConnection(
    _ context: UnsafeMutableRawPointer?, _ handle: OpaquePointer?,
    _ state: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ code: MHD_ConnectionNotificationCode
) {
    guard let context, let state else { return }
    let core = Unmanaged<ServerCore>.fromOpaque(context).takeUnretainedValue()
    if cmartlet_http_is_started(code) != 0 {
        guard let handle else { return }
        let connection = Connection(core, handle)
        connection.isSurplus = core.add(connection)
        // The library's reference, given back when the connection closes.
        state.pointee = Unmanaged.passRetained(connection).toOpaque()
    } else if let closed = state.pointee {
        core.remove(Unmanaged<Connection>.fromOpaque(closed).takeRetainedValue())
        state.pointee = nil
    }
}

/// The certificate for one handshake: copies, so that another may take its place at any moment.
func provideCertificate(
    _ session: gnutls_session_t?, _ information: UnsafePointer<gnutls_cert_retr_st>?,
    _ certificates: UnsafeMutablePointer<UnsafeMutablePointer<gnutls_pcert_st>?>?,
    _ count: UnsafeMutablePointer<UInt32>?,
    _ responses: UnsafeMutablePointer<UnsafeMutablePointer<gnutls_ocsp_data_st>?>?,
    _ responseCount: UnsafeMutablePointer<UInt32>?, _ key: UnsafeMutablePointer<gnutls_privkey_t?>?,
    _ flags: UnsafeMutablePointer<UInt32>?
) -> Int32 {
    // libmicrohttpd gives each session its connection, whose state is set before the handshake begins.
    guard let session, let certificates, let count, let key, let flags,
        let handle = gnutls_session_get_ptr(session), let state = cmartlet_http_context(OpaquePointer(handle))
    else { return -1 }
    responses?.pointee = nil
    responseCount?.pointee = 0
    flags.pointee = UInt32(GNUTLS_CERT_RETR_DEINIT_ALL)
    return Unmanaged<Connection>.fromOpaque(state).takeUnretainedValue().copyCertificate(to: certificates, count, key)
}
