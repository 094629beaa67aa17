import MartletCore
import MartletTestSupport

/// A certificate for 127.0.0.1 that signs itself, with its key, made by the `openssl` command.
struct SelfSigned {
    let certificate: String
    let key: String

    init(_ name: String, in folder: TemporaryFolder, keyOptions: [String] = ["-nodes"]) throws {
        certificate = "\(folder.path)/\(name).pem"
        key = "\(folder.path)/\(name).key"
        let made = try runProcess(
            [
                "/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=\(name)", "-addext",
                "subjectAltName=IP:127.0.0.1",
            ] + keyOptions)
        guard made.status == 0 else { throw MartletError(.internalFault, "openssl: \(made.errors)") }
    }
}
