internal import CMicroHTTP
internal import Glibc
internal import MartletCore

/// A certificate chain with its private key, read from their files and found to belong together.
final class TLSIdentity: @unchecked Sendable {
    // @unchecked: written once, when it is made; GnuTLS only reads it to make the copies that handshakes use.
    private var loaded: cmartlet_tls
    /// Of the files when they were read.
    let fingerprint: TLSFingerprint

    /// Longer files hold no certificates.
    private static let fileLimitBytes = 1 << 20

    /// - Throws: `fileSystem` where a file cannot be read, `invalidSettings` where it does not hold what it should.
    init(reading files: TLSFiles) throws(MartletError) {
        // Before they are read: what changes meanwhile is read once more.
        fingerprint = TLSFingerprint(files)
        var certificate = try Self.bytes(of: files.certificate, "certificate")
        var key = try Self.bytes(of: files.key, "private key")
        defer {
            // The key's text must not stay behind in memory that is given away.
            key.withUnsafeMutableBytes { explicit_bzero($0.baseAddress!, $0.count) }
        }
        loaded = cmartlet_tls()
        let status = certificate.withUnsafeMutableBytes { certificate in
            key.withUnsafeBytes { key in
                cmartlet_tls_load(certificate.baseAddress, certificate.count, key.baseAddress, key.count, &loaded)
            }
        }
        switch Int(status) {
        case Int(cmartlet_tls_loaded): return
        case Int(cmartlet_tls_no_certificate):
            throw MartletError(
                .invalidSettings, "\(files.certificate) holds no certificate in PEM form",
                fix: "name a file that begins with -----BEGIN CERTIFICATE-----, the server's own certificate first")
        case Int(cmartlet_tls_encrypted_key):
            throw MartletError(
                .invalidSettings, "the private key in \(files.key) has a passphrase",
                fix: "take it off: openssl pkey -in KEY -out PLAIN, in a file that only the server may read")
        case Int(cmartlet_tls_mismatch):
            throw MartletError(
                .invalidSettings,
                "the private key in \(files.key) is not that of the certificate in "
                    + files.certificate, fix: "name the key that the certificate was asked for with")
        default:
            throw MartletError(
                .invalidSettings, "\(files.key) holds no private key in PEM form",
                fix: "name a file that begins with -----BEGIN PRIVATE KEY-----")
        }
    }

    deinit { cmartlet_tls_free(&loaded) }

    /// When the server's own certificate ends.
    var expiry: Timestamp { Timestamp(microseconds: Int64(cmartlet_tls_expiry(&loaded)) * 1_000_000) }

    /// Copies for one handshake, which frees them itself.
    /// - Returns: 0 or an error of GnuTLS.
    func copy(
        to certificates: UnsafeMutablePointer<UnsafeMutablePointer<gnutls_pcert_st>?>,
        _ count: UnsafeMutablePointer<UInt32>, _ key: UnsafeMutablePointer<gnutls_privkey_t?>
    ) -> Int32 {
        cmartlet_tls_copy(&loaded, certificates, count, key)
    }

    private static func bytes(of path: String, _ what: String) throws(MartletError) -> [UInt8] {
        guard let file = fopen(path, "rbe") else {
            throw MartletError(
                .fileSystem, "cannot read the \(what) \(path): \(String(cString: strerror(errno)))",
                fix: "name a file that this user may read")
        }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: fileLimitBytes + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        guard ferror(file) == 0 else {
            throw MartletError(
                .fileSystem, "cannot read the \(what) \(path): \(String(cString: strerror(errno)))",
                fix: "name a file, not a folder")
        }
        guard count <= fileLimitBytes else {
            throw MartletError(.invalidSettings, "the \(what) \(path) is longer than \(fileLimitBytes) bytes")
        }
        return Array(bytes.prefix(max(1, count)))
    }
}
