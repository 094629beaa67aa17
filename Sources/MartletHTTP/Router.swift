internal import Glibc

/// Answers one kind of request, inline on the server's thread: it must not block. A thrown error becomes problem+json.
package typealias Handler = @Sendable (borrowing Request, inout ByteWriter) throws -> Reply

/// Finds the handler of a request. Paths are static (`/health`) or have whole segments that stand for anything but an
/// empty segment (`/v1/views/{name}`); static ones win.
package struct Router: Sendable {
    package struct Route: Sendable {
        package let method: Method
        package let path: String
        /// The largest body that the route takes; nil means the server's limit.
        let bodyLimitBytes: Int?
        package let priority: RoutePriority
        let handler: Handler
        let segments: [Segment]
    }

    enum Segment: Sendable, Hashable {
        case text(String)
        case parameter
    }

    /// In the order in which they were added: a route's index names it in metrics.
    package private(set) var routes: [Route] = []
    private var staticRoutes: [StaticPath] = []

    private struct StaticPath: Sendable {
        let bytes: [UInt8]
        var handlers: [(method: Method, route: Int)]
    }

    /// For each length of a path the static ones of it, so that the others are not looked at.
    private var staticRoutesByLength: [[Int]] = []

    package init() {}

    /// - Precondition: the path begins with a slash, and no route of the same method and shape exists.
    /// - Parameters:
    ///   - bodyLimitBytes: the largest body that the route takes; nil means the server's limit.
    ///   - priority: what its requests give way to.
    package mutating func on(
        _ method: Method, _ path: String, bodyLimitBytes: Int? = nil, priority: RoutePriority = .online,
        _ handler: @escaping Handler
    ) {
        precondition(path.hasPrefix("/"), "a route's path begins with a slash")
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map { part in
            part.hasPrefix("{") && part.hasSuffix("}") ? Segment.parameter : .text(String(part))
        }
        precondition(
            !routes.contains { $0.method == method && $0.segments == segments }, "\(path) has two handlers")
        routes.append(
            Route(
                method: method, path: path, bodyLimitBytes: bodyLimitBytes, priority: priority, handler: handler,
                segments: segments))
        guard !segments.contains(.parameter) else { return }
        let bytes = Array(path.utf8)
        let route = routes.count - 1
        if let known = staticRoutes.firstIndex(where: { $0.bytes == bytes }) {
            staticRoutes[known].handlers.append((method, route))
        } else {
            staticRoutes.append(StaticPath(bytes: bytes, handlers: [(method, route)]))
            while staticRoutesByLength.count <= bytes.count { staticRoutesByLength.append([]) }
            staticRoutesByLength[bytes.count].append(staticRoutes.count - 1)
        }
    }

    enum Match {
        case found(route: Int, parameters: [String])
        case otherMethods([Method])
        case none
    }

    /// A HEAD request is answered by the GET route; the library drops the body.
    func match(_ method: Method, _ path: UnsafePointer<CChar>) -> Match {
        let wanted = method == .head ? .get : method
        let size = strlen(path)
        if size < staticRoutesByLength.count {
            for index in staticRoutesByLength[size] {
                let isEqual = staticRoutes[index].bytes.withUnsafeBytes {
                    $0.equals(UnsafeRawBufferPointer(start: path, count: size))
                }
                guard isEqual else { continue }
                for (method, route) in staticRoutes[index].handlers where method == wanted {
                    return .found(route: route, parameters: [])
                }
                return .otherMethods(staticRoutes[index].handlers.map(\.method))
            }
        }
        return matchPattern(wanted, String(cString: path))
    }

    /// The route of a request; nil where it has none.
    func route(_ method: Method, _ path: UnsafePointer<CChar>) -> Route? {
        guard case .found(let route, _) = match(method, path) else { return nil }
        return routes[route]
    }

    private func matchPattern(_ method: Method, _ path: String) -> Match {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        var others: [Method] = []
        for (index, route) in routes.enumerated() {
            guard let parameters = values(of: route.segments, in: parts) else { continue }
            if route.method == method { return .found(route: index, parameters: parameters) }
            others.append(route.method)
        }
        return others.isEmpty ? .none : .otherMethods(others)
    }

    private func values(of segments: [Segment], in parts: [String]) -> [String]? {
        guard segments.count == parts.count, segments.contains(.parameter) else { return nil }
        var values: [String] = []
        for (segment, part) in zip(segments, parts) {
            switch segment {
            case .text(let text): if text != part { return nil }
            case .parameter:
                if part.isEmpty { return nil }
                values.append(part)
            }
        }
        return values
    }
}
