internal import Glibc
internal import MartletCore

/// A listening TCP socket, which whoever takes it must close.
struct Listener {
    let socket: Int32
    let port: UInt16

    /// - Throws: `portInUse`, or `invalidSettings` for an address that is none of this machine's or may not be used.
    init(host: String, port: UInt16) throws {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &found)
        guard status == 0, let address = found?.pointee else {
            throw MartletError(
                .invalidSettings, "cannot listen on \(host): \(String(cString: gai_strerror(status)))",
                fix: "name an address of this machine, such as 127.0.0.1 or 0.0.0.0")
        }
        defer { freeaddrinfo(found) }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let socket = Glibc.socket(address.ai_family, type, address.ai_protocol)
        guard socket >= 0 else { throw listenFailure(errno, host, port) }
        do {
            var yes: Int32 = 1
            setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
            guard bind(socket, address.ai_addr, address.ai_addrlen) == 0, listen(socket, backlog) == 0 else {
                throw listenFailure(errno, host, port)
            }
            self.port = try boundPort(of: socket)
        } catch {
            close(socket)
            throw error
        }
        self.socket = socket
    }
}

private let backlog: Int32 = 1_024

private func boundPort(of socket: Int32) throws -> UInt16 {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let status = withUnsafeMutablePointer(to: &storage) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &size) }
    }
    guard status == 0 else { throw MartletError(.internalFault, "a listening socket has no name") }
    // The port stands at the same place in the addresses of both families, in network order.
    return withUnsafeBytes(of: &storage) { UInt16(bigEndian: $0.loadUnaligned(fromByteOffset: 2, as: UInt16.self)) }
}

private func listenFailure(_ code: Int32, _ host: String, _ port: UInt16) -> MartletError {
    switch code {
    case EADDRINUSE:
        MartletError(
            .portInUse, "port \(port) of \(host) is in use",
            fix: "stop the process that listens there, or choose another port; 0 takes any free one")
    case EACCES:
        MartletError(.invalidSettings, "this user may not listen on port \(port)", fix: "choose a port above 1023")
    default:
        MartletError(.invalidSettings, "cannot listen on port \(port) of \(host): \(String(cString: strerror(code)))")
    }
}
