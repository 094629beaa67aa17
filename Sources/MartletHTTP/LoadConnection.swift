internal import Glibc
internal import MartletCore

/// One keep-alive connection that a load is sent over: whole requests out, statuses in. Bodies are counted and thrown
/// away.
struct LoadConnection: ~Copyable {
    private let socket: Int32
    private var buffer: [UInt8]
    private var filled = 0

    /// A lost answer ends the run instead of hanging it.
    private static let timeoutSeconds = 20
    private static let headLimitBytes = 1 << 16

    /// - Throws: `storeUnavailable` where nobody listens.
    init(port: UInt16) throws(MartletError) {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw MartletError(.fileSystem, "there is no socket left: \(errno)") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else {
            let code = errno
            close(socket)
            throw MartletError(.storeUnavailable, "nothing answers on port \(port): \(String(cString: strerror(code)))")
        }
        var yes: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        var timeout = timeval(tv_sec: Self.timeoutSeconds, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        self.socket = socket
        buffer = [UInt8](repeating: 0, count: 1 << 16)
    }

    deinit { close(socket) }

    /// Sends one request and waits for its whole answer.
    /// - Returns: the status; nil where the connection ended.
    mutating func exchange(_ request: [UInt8]) -> Int? {
        var sent = 0
        while sent < request.count {
            let count = request.withUnsafeBytes {
                send(socket, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return nil }
            sent += count
        }
        filled = 0
        while true {
            if let end = headEnd() { return finish(headBytes: end) }
            guard filled < Self.headLimitBytes, fill() else { return nil }
        }
    }

    private mutating func finish(headBytes: Int) -> Int? {
        guard let (status, length) = readHead(headBytes) else { return nil }
        var rest = headBytes + length - filled
        while rest > 0 {
            filled = 0
            guard fill() else { return nil }
            rest -= filled
        }
        return status
    }

    private mutating func fill() -> Bool {
        let start = filled
        let count = buffer.withUnsafeMutableBytes { recv(socket, $0.baseAddress! + start, $0.count - start, 0) }
        guard count > 0 else { return false }
        filled += count
        return true
    }

    private func headEnd() -> Int? {
        buffer.withUnsafeBytes { bytes in find("\r\n\r\n", in: bytes, below: filled).map { $0 + 4 } }
    }

    private func readHead(_ count: Int) -> (status: Int, length: Int)? {
        // "HTTP/1.1 200"
        guard count >= 12, let status = decimal(from: 9), (100...999).contains(status) else { return nil }
        let name: StaticString = "Content-Length: "
        let length = buffer.withUnsafeBytes { find(name, in: $0, below: count) }
        return (status, length.flatMap { decimal(from: $0 + name.utf8CodeUnitCount) } ?? 0)
    }

    private func decimal(from start: Int) -> Int? {
        var value: Int?
        for byte in buffer[start...] {
            // Ten digits are more than any length here.
            guard (48...57).contains(byte), (value ?? 0) < 1_000_000_000 else { break }
            value = (value ?? 0) * 10 + Int(byte - 48)
        }
        return value
    }
}

/// Where the text first stands within the first `count` bytes.
private func find(_ text: StaticString, in bytes: UnsafeRawBufferPointer, below count: Int) -> Int? {
    let size = text.utf8CodeUnitCount
    guard count >= size, let base = bytes.baseAddress else { return nil }
    for start in 0...count - size where memcmp(base + start, text.utf8Start, size) == 0 { return start }
    return nil
}
