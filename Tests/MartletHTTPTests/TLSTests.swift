import FoundationEssentials
import HTTPTestSupport
import MartletCore
import MartletHTTP
import MartletTestSupport
import Testing

@Suite("The HTTP server over TLS")
struct TLSTests {
    private let folder = TemporaryFolder()

    private func server(_ files: TLSFiles) throws -> HTTPServer {
        var router = Router()
        router.on(.post, "/echo") { request, writer in
            writer.append(request.body)
            return .written(status: 200, .bytes)
        }
        router.on(.get, "/later") { _, _ in .later { Response(status: 202, body: Array("late".utf8)) } }
        return try HTTPServer(HTTPServerSettings(port: 0, tls: files), router: router)
    }

    private func outcome(
        _ server: HTTPServer, trusting certificate: String?, _ method: String = "GET", _ path: String = "/later",
        body: [UInt8] = [], scheme: String = "https"
    ) -> ClientOutcome {
        var settings = HTTPClientSettings()
        settings.certificateAuthorities = certificate
        let request = ClientRequest(method, "\(scheme)://127.0.0.1:\(server.port)\(path)", body: body)
        return HTTPClient(settings).send([request], timeoutMilliseconds: 10_000)[0]
    }

    private func code(_ body: () throws -> Void) -> MartletError.Code? {
        do { try body() } catch { return (error as? MartletError)?.code }
        return nil
    }

    @Test("serves those who trust its certificate, and nobody without TLS")
    func serves() throws {
        let made = try SelfSigned("server", in: folder)
        let server = try server(TLSFiles(certificate: made.certificate, key: made.key))
        let body = [UInt8](repeating: 7, count: 300_000)
        #expect(try outcome(server, trusting: made.certificate, "POST", "/echo", body: body).get().body == body)
        #expect(try outcome(server, trusting: made.certificate).get().status == 202)
        #expect(throws: MartletError.self) { try outcome(server, trusting: nil).get() }
        #expect(throws: MartletError.self) { try outcome(server, trusting: nil, scheme: "http").get() }
        let days = try #require(server.activity.certificateExpiry).microseconds - SystemTimeSource().now().microseconds
        #expect((1...2).contains(days / 86_400_000_000 + 1))
    }

    @Test(
        "takes up a renewed pair while clients connect, and keeps the old one until the new one is whole"
    )
    func renews() throws {
        let first = try SelfSigned("first", in: folder)
        let second = try SelfSigned("second", in: folder)
        let files = TLSFiles(certificate: "\(folder.path)/used.pem", key: "\(folder.path)/used.key")
        func copy(_ source: String, _ target: String) throws {
            let bytes = folder.bytes(of: String(source.dropFirst(folder.path.count + 1)))
            try Data(bytes).write(to: URL(filePath: target))
        }
        try copy(first.certificate, files.certificate)
        try copy(first.key, files.key)
        let server = try server(files)
        #expect(try outcome(server, trusting: first.certificate).get().status == 202)
        #expect(try server.reloadChangedCertificate() == false)

        try copy(second.certificate, files.certificate)
        #expect(code { _ = try server.reloadChangedCertificate() } == .invalidSettings)
        #expect(try server.reloadChangedCertificate() == false, "a fault is told once")
        #expect(try outcome(server, trusting: first.certificate).get().status == 202)

        try copy(second.key, files.key)
        #expect(try server.reloadChangedCertificate())
        #expect(try outcome(server, trusting: second.certificate).get().status == 202)
        #expect(throws: MartletError.self) { try outcome(server, trusting: first.certificate).get() }

        // Handshakes and reloads at the same time.
        let threads = (0..<4).map { _ in
            Thread {
                for _ in 0..<25 { #expect((try? outcome(server, trusting: second.certificate).get())?.status == 202) }
            }
        }
        for _ in 0..<200 { try server.reloadCertificate() }
        for thread in threads { thread.join() }
    }

    @Test("says what is wrong with the files")
    func faults() throws {
        let made = try SelfSigned("server", in: folder)
        let other = try SelfSigned("other", in: folder)
        let locked = try SelfSigned("locked", in: folder, keyOptions: ["-passout", "pass:secret"])
        folder.write("no certificate", to: "text")
        let text = "\(folder.path)/text"
        let cases: [(TLSFiles, MartletError.Code, String)] = [
            (TLSFiles(certificate: "\(folder.path)/none", key: made.key), .fileSystem, "none: No such file"),
            (TLSFiles(certificate: made.certificate, key: "\(folder.path)/gone"), .fileSystem, "gone: No such file"),
            (TLSFiles(certificate: folder.path, key: made.key), .fileSystem, "Is a directory"),
            (TLSFiles(certificate: text, key: made.key), .invalidSettings, "no certificate in PEM"),
            (TLSFiles(certificate: made.certificate, key: text), .invalidSettings, "no private key in PEM"),
            (TLSFiles(certificate: made.certificate, key: other.key), .invalidSettings, "is not that of"),
            (TLSFiles(certificate: locked.certificate, key: locked.key), .invalidSettings, "has a passphrase"),
        ]
        for (files, code, words) in cases {
            #expect {
                _ = try server(files)
            } throws: { error in
                let error = error as? MartletError
                #expect(error?.message.contains(words) == true, "\(String(describing: error))")
                return error?.code == code
            }
        }
    }
}
