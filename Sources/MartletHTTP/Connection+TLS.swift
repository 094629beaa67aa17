internal import CMicroHTTP
internal import Synchronization

extension Connection {
    func copyCertificate(
        to certificates: UnsafeMutablePointer<UnsafeMutablePointer<gnutls_pcert_st>?>,
        _ count: UnsafeMutablePointer<UInt32>, _ key: UnsafeMutablePointer<gnutls_privkey_t?>
    ) -> Int32 {
        core.identity.withLock { $0 }?.copy(to: certificates, count, key) ?? -1
    }
}
