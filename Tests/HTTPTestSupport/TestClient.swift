internal import Glibc

/// A keep-alive HTTP/1.1 client over one blocking socket, for tests only.
package final class TestClient {
    package struct Answer {
        package var status: Int
        package var headers: [String: String]
        package var body: [UInt8]
        package var text: String { String(decoding: body, as: UTF8.self) }
    }

    private let socket: Int32
    private var received: [UInt8] = []

    package init(port: UInt16) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        // A lost answer fails the test instead of hanging it.
        var timeout = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        guard status == 0 else { throw ClientError("cannot connect: \(errno)") }
    }

    deinit { close(socket) }

    package func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw ClientError("cannot send: \(errno)") }
            sent += count
        }
    }

    package func request(
        _ method: String, _ path: String, headers: [(String, String)] = [], body: [UInt8]? = nil
    ) throws -> Answer {
        var text = "\(method) \(path) HTTP/1.1\r\nHost: test\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if let body { text += "Content-Length: \(body.count)\r\n" }
        try send(Array((text + "\r\n").utf8) + (body ?? []))
        return try receive(hasBody: method != "HEAD")
    }

    package func post(_ path: String, _ body: String) throws -> Answer {
        try request("POST", path, headers: [("Content-Type", "application/json")], body: Array(body.utf8))
    }

    package func receive(hasBody: Bool = true) throws -> Answer {
        while true {
            let answer = try receiveOne(hasBody: hasBody)
            if answer.status != 100 { return answer }
        }
    }

    private func receiveOne(hasBody: Bool) throws -> Answer {
        var end: Int?
        while true {
            end = headEnd()
            if end != nil { break }
            try fill()
        }
        let head = String(decoding: received[..<end!], as: UTF8.self).split(separator: "\r\n")
        var headers: [String: String] = [:]
        for line in head.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts[1].drop { $0 == " " }.description
        }
        received.removeFirst(end! + 4)
        let status = Int(head[0].split(separator: " ")[1]) ?? 0
        let size = hasBody ? Int(headers["content-length"] ?? "0") ?? 0 : 0
        while received.count < size { try fill() }
        let body = Array(received[..<size])
        received.removeFirst(size)
        return Answer(status: status, headers: headers, body: body)
    }

    /// Tells the server that nothing more comes.
    package func endSending() { shutdown(socket, Int32(SHUT_WR)) }

    /// Whether the server has closed the connection.
    package func isClosed() -> Bool {
        var byte: UInt8 = 0
        return recv(socket, &byte, 1, 0) <= 0
    }

    private func headEnd() -> Int? {
        guard received.count >= 4 else { return nil }
        return (0...received.count - 4).first { received[$0...].starts(with: [13, 10, 13, 10]) }
    }

    private func fill() throws {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(socket, &buffer, buffer.count, 0)
        guard count > 0 else { throw ClientError("the connection ended: \(count), \(errno)") }
        received += buffer[..<count]
    }
}

package struct ClientError: Error {
    let message: String
    init(_ message: String) { self.message = message }
}
