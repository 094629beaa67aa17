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
        let connection = Connection(core)
        core.add(connection)
        // The library's reference, given back when the connection closes.
        state.pointee = Unmanaged.passRetained(connection).toOpaque()
    } else if let closed = state.pointee {
        core.remove(Unmanaged<Connection>.fromOpaque(closed).takeRetainedValue())
        state.pointee = nil
    }
}
