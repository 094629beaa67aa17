internal import Glibc
internal import MartletCore
internal import MartletTestSupport

/// moto's server of the pinned Python packages: DynamoDB in memory. It does not check signatures.
package final class MotoServer: Sendable {
    package let port: Int
    private let child: ChildServer

    package init() throws {
        let program = "\(packageFolder)/.deps/venv/bin/moto_server"
        guard access(program, X_OK) == 0 else {
            throw MartletError(.missingLibrary, "\(program) is missing", fix: "run scripts/bootstrap")
        }
        port = freePort()
        child = try ChildServer([program, "-H", "127.0.0.1", "-p", "\(port)"])
        let (port, child) = (port, child)
        let isReady = waitFor(seconds: 60) { () -> Bool? in
            if answers(port, "GET /moto-api/ HTTP/1.0\r\n\r\n", with: "200 OK") { return true }
            return child.hasEnded ? false : nil
        }
        guard isReady == true else { throw MartletError(.internalFault, "moto_server did not start: \(child.log)") }
    }

    package var endpoint: String { "http://127.0.0.1:\(port)" }

    package func stop() { child.stop() }
    package func pause() { child.signal(SIGSTOP) }
    package func goOn() { child.signal(SIGCONT) }
}
