internal import Dispatch
internal import Glibc
internal import MartletCore
internal import Synchronization

/// Answers every connection with the same bytes, whatever it is asked, and closes it where they are none; keeps what
/// it was sent.
package final class GarbageServer: Sendable {
    package let port: Int
    private let listener: Int32
    private let group = DispatchGroup()
    private let received: Received

    private final class Received: Sendable {
        let bytes = Mutex<[UInt8]>([])
    }

    package init(_ answer: String) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = loopback(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, size) == 0 && listen(listener, 16) == 0
                    && getsockname(listener, pointer, &size) == 0
            }
        }
        guard isBound else { throw MartletError(.internalFault, "no port to listen on") }
        self.listener = listener
        port = Int(UInt16(bigEndian: address.sin_port))
        let received = Received()
        self.received = received
        startThread(group: group) {
            while true {
                let connection = accept(listener, nil, nil)
                if connection < 0 { return }
                var buffer = [UInt8](repeating: 0, count: 65_536)
                let count = recv(connection, &buffer, buffer.count, 0)
                if count > 0 { received.bytes.withLock { $0 += buffer[..<count] } }
                let bytes = Array(answer.utf8)
                if !bytes.isEmpty { _ = send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
                close(connection)
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        group.wait()
        close(listener)
    }

    /// All that it was sent.
    package var text: String { received.bytes.withLock { String(decoding: $0, as: UTF8.self) } }
}
