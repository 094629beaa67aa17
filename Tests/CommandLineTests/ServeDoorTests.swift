import FoundationEssentials
import Glibc
import MartletCore
import MartletTestSupport
import Testing

@Suite("martlet serve: TLS, access log, stopping")
struct ServeDoorTests {
    private func certificate(_ name: String, _ tool: Tool) throws -> (certificate: String, key: String) {
        let (certificate, key) = ("\(tool.folder.path)/\(name).pem", "\(tool.folder.path)/\(name).key")
        let made = try runProcess([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=\(name)", "-addext",
            "subjectAltName=IP:127.0.0.1",
        ])
        guard made.status == 0 else { throw MartletError(.internalFault, made.errors) }
        return (certificate, key)
    }

    private func port(_ server: RunningProcess) -> String {
        server.output.split(separator: "\n").first?.split(separator: ":").last.map { String($0.prefix { $0.isNumber }) }
            ?? ""
    }

    /// Whether a client that trusts this certificate alone is answered.
    private func answers(_ port: String, trusting certificate: String, _ path: String = "/ready") throws -> Bool {
        try runProcess(["curl", "-sS", "--fail", "--cacert", certificate, "https://127.0.0.1:\(port)\(path)"]).status
            == 0
    }

    private func lines(_ name: String, _ tool: Tool) throws -> [JSONValue] {
        try tool.folder.text(of: name).split(separator: "\n").map { try JSONValue(parsing: String($0)) }
    }

    @Test("says what is wrong with the options of its door")
    func faults() throws {
        let tool = Tool()
        let made = try certificate("server", tool)
        let other = try certificate("other", tool)
        func serve(_ options: String...) throws -> ProcessResult {
            try runProcess([Tool.executable, "serve", "--port", "0"] + options, directory: tool.folder.path)
        }
        #expect(
            expectedFailure(try serve("--tls-cert", made.certificate), "usage", status: 2, says: "--tls-key") == nil)
        #expect(expectedFailure(try serve("--tls-key", made.key), "usage", status: 2, says: "--tls-cert") == nil)
        #expect(
            expectedFailure(
                try serve("--tls-cert", "none.pem", "--tls-key", made.key), "file-system", status: 4, says: "none.pem")
                == nil)
        #expect(
            expectedFailure(
                try serve("--tls-cert", made.certificate, "--tls-key", other.key), "invalid-settings", status: 3,
                says: "is not that of the certificate") == nil)
        #expect(
            expectedFailure(
                try serve("--access-log", "none/log"), "file-system", status: 4, says: "none/log") == nil)
        #expect(expectedFailure(try serve("--drain-delay", "301"), "usage", status: 2) == nil)
    }

    @Test("speaks TLS, takes up a renewed certificate and a moved log on SIGHUP and by itself, and drains on SIGTERM")
    func door() throws {
        let tool = Tool()
        let first = try certificate("first", tool)
        let second = try certificate("second", tool)
        let third = try certificate("third", tool)
        func use(_ made: (certificate: String, key: String)) throws {
            for (from, to) in [(made.certificate, "used.pem"), (made.key, "used.key")] {
                // In one step, as whoever renews certificates does it.
                let new = "\(tool.folder.path)/new"
                try Data(fileBytes(from)).write(to: URL(filePath: new))
                rename(new, "\(tool.folder.path)/\(to)")
            }
        }
        try use(first)
        let server = try RunningProcess(
            [
                Tool.executable, "serve", "--port", "0", "--tls-cert", "used.pem", "--tls-key", "used.key",
                "--access-log", "log", "--drain-delay", "1",
            ], directory: tool.folder.path)
        try server.waitForOutput("https://127.0.0.1:")
        let port = port(server)
        #expect(try answers(port, trusting: first.certificate))
        #expect(try !answers(port, trusting: second.certificate))

        try use(second)
        // Lines are gathered for a moment before they are written.
        try server.wait(for: "a line") { tool.folder.text(of: "log").contains("/ready") }
        rename("\(tool.folder.path)/log", "\(tool.folder.path)/old")
        server.signal(SIGHUP)
        try server.wait(for: "the second certificate") { try answers(port, trusting: second.certificate, "/health") }
        try use(third)
        try server.wait(for: "the third certificate") { try answers(port, trusting: third.certificate) }

        server.signal(SIGTERM)
        try server.wait(for: "a server that is not ready") {
            try runProcess(["curl", "-sS", "--cacert", third.certificate, "https://127.0.0.1:\(port)/ready"]).output
                .contains("draining")
        }
        #expect(server.wait().status == 0)
        let old = try lines("old", tool)
        let new = try lines("log", tool)
        #expect(old.first?["route"]?.string == "/ready")
        #expect(new.contains { $0["route"]?.string == "/health" })
        #expect(new.last?["status"]?.integer == 503)
        for line in old + new { #expect(line["workspace"]?.string == "test") }
    }
}
