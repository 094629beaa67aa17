internal import COpenSSL
internal import MartletCore

/// SHA-256 (FIPS 180-4) over bytes that come in parts, computed by OpenSSL's libcrypto.
package struct SHA256Digest: ~Copyable {
    private let context: OpaquePointer

    /// - Throws: `internalFault` where libcrypto refuses (out of memory, a provider that is not there).
    package init() throws {
        guard let context = EVP_MD_CTX_new() else { throw digestFault() }
        guard EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            EVP_MD_CTX_free(context)
            throw digestFault()
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    package mutating func update(_ bytes: some Sequence<UInt8>) throws {
        let done = bytes.withContiguousStorageIfAvailable { EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
        let status = done ?? Array(bytes).withUnsafeBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
        guard status == 1 else { throw digestFault() }
    }

    /// The 32 bytes of the digest.
    package consuming func finish() throws -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        guard EVP_DigestFinal_ex(context, &digest, nil) == 1 else { throw digestFault() }
        return digest
    }

    /// The digest as 64 lower-case hexadecimal digits.
    package consuming func finishAsHex() throws -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: try finish().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

private func digestFault() -> MartletError { MartletError(.internalFault, "libcrypto cannot compute SHA-256") }
