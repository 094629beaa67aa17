internal import Glibc
internal import MartletCore

/// The server that takes a workspace's events in, as other processes of its user find it: a file in the log's folder
/// that only its owner can read, there while the server runs.
package struct RunningServer: Sendable, Hashable {
    package let process: Int32
    /// Where it answers, on this machine.
    package let url: String
    /// Shows that a request comes from somebody who may read the file.
    package let token: String

    package init(process: Int32 = getpid(), url: String, token: String = randomToken()) {
        self.process = process
        self.url = url
        self.token = token
    }

    fileprivate static let file = "server.json"

    /// 128 bits at random as hexadecimal digits.
    package static func randomToken() -> String {
        var random = SystemRandomNumberGenerator()
        return (0..<2).map { _ in
            let digits = String(random.next(), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    /// Whether a request brings the token; takes the same time wherever it differs.
    package func accepts(_ sent: String) -> Bool {
        let (sent, own) = (Array(sent.utf8), Array(token.utf8))
        guard sent.count == own.count else { return false }
        return zip(sent, own).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    fileprivate var json: [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.member("pid", Int(process))
            $0.member("url", url)
            $0.member("token", token)
        }
        return json.bytes
    }

    fileprivate init?(_ bytes: [UInt8]) {
        guard let json = try? JSONValue(parsing: bytes),
            let process = json["pid"]?.integer.flatMap(Int32.init(exactly:)),
            let url = json["url"]?.string, let token = json["token"]?.string
        else { return nil }
        self.init(process: process, url: url, token: token)
    }
}

extension Workspace {
    private var serverFile: String { "\(logFolder)/\(RunningServer.file)" }

    /// Lets other processes of this user find the server. Only for the process that has the log.
    package func publish(_ server: RunningServer) throws {
        _ = try intake
        let path = serverFile
        let temporary = path + ".new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw fault("the server's address cannot be written", path) }
        let bytes = server.json
        let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
        guard written == bytes.count, rename(temporary, path) == 0 else {
            throw fault("the server's address cannot be written", path)
        }
    }

    /// Takes back what `publish` has told.
    package func withdraw(_ server: RunningServer) {
        if readServer(serverFile) == server { unlink(serverFile) }
    }

    /// The server that has the workspace's log.
    /// - Throws: `storeUnavailable` where none is to be found, though somebody has the log.
    package func runningServer() throws -> RunningServer {
        let path = serverFile
        guard let server = readServer(path) else {
            throw MartletError(
                .conflict, "another process has the log of this workspace and does not say where it answers",
                place: .init(file: path), fix: "wait until that command has ended; a server says it in this file")
        }
        guard kill(server.process, 0) == 0 || errno == EPERM else {
            throw MartletError(
                .conflict,
                "the server that had the log (process \(server.process)) is gone, and another process has it",
                place: .init(file: path), fix: "repeat the command when that one has ended")
        }
        return server
    }

    private func readServer(_ path: String) -> RunningServer? {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        return count > 0 ? RunningServer(Array(bytes[..<count])) : nil
    }

    private func fault(_ what: String, _ path: String) -> MartletError {
        MartletError(
            errno == ENOSPC ? .diskFull : .fileSystem, "\(what): \(unsafe String(cString: strerror(errno)))",
            place: .init(file: path))
    }
}
