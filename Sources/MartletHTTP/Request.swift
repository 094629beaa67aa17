internal import CMicroHTTP
internal import Glibc

package enum Method: String, Sendable, Hashable, CaseIterable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"
    case options = "OPTIONS"
}

/// A request while its handler runs. Borrowed: what must outlive the handler is copied out of it.
package struct Request: ~Copyable {
    let connection: OpaquePointer
    package let method: Method
    let pathBytes: UnsafePointer<CChar>
    /// The body; `JSONDocument.paddingBytes` readable bytes follow it.
    package let body: UnsafeRawBufferPointer
    /// The values of the route's `{name}` segments, in their order.
    package let parameters: [String]

    /// Percent-decoded.
    package var path: String { String(cString: pathBytes) }

    /// The first value of a query parameter, percent-decoded; nil where it is absent, empty where it has no value.
    package func query(_ name: String) -> String? {
        if let value = cmartlet_http_query(connection, name) { return String(cString: value) }
        return nil
    }

    /// The value of a header, whose name is compared without regard to case.
    package func header(_ name: String) -> String? {
        cmartlet_http_header(connection, name).map { String(cString: $0) }
    }
}
