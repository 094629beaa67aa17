/// Where the certificate of a server lies: PEM, the server's own certificate first and what it was signed with behind
/// it, and the private key, without a passphrase.
package struct TLSFiles: Sendable, Hashable {
    package var certificate: String
    package var key: String

    package init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
    }
}
