internal import CMicroHTTP
internal import Glibc

/// Where a connection comes from: an address without the port.
func clientName(_ handle: OpaquePointer) -> String {
    guard let address = cmartlet_http_client(handle) else { return "" }
    let size =
        address.pointee.sa_family == sa_family_t(AF_INET)
        ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
    var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    guard getnameinfo(address, socklen_t(size), &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST) == 0 else {
        return ""
    }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
