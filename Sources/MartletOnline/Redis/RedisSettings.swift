package import MartletCore

/// Where a Redis is, and what may be asked of it.
package struct RedisSettings: Sendable {
    package struct Endpoint: Sendable, Hashable, CustomStringConvertible {
        package var host: String
        package var port: Int

        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }

        package var description: String { "\(host):\(port)" }
    }

    /// The server; of a cluster, nodes to ask for the others.
    package var endpoints: [Endpoint]
    package var isCluster: Bool
    package var database = 0
    package var username: String?
    package var password: String?
    /// Connections to each server.
    package var connections = 32
    package var connectTimeoutMilliseconds = 500
    /// For a read with all its repetitions.
    package var readTimeoutMilliseconds = 500
    /// For a group of writes with all its repetitions.
    package var writeTimeoutMilliseconds = 10_000
    /// How long after its view's ttl a record may be forgotten by the server; nil keeps it.
    package var expireAfterDays: Int?

    package init(endpoints: [Endpoint], isCluster: Bool = false) {
        self.endpoints = endpoints
        self.isCluster = isCluster
    }

    private static let parameters: Set<String> = [
        "connections", "connect_timeout_ms", "read_timeout_ms", "write_timeout_ms", "expire_after_days",
    ]

    /// Reads `//host:port/database?…`, or for a cluster `//host:port,host:port?…`.
    /// - Parameter environment: `MARTLET_REDIS_USERNAME` and `MARTLET_REDIS_PASSWORD` are asked of it.
    /// - Throws: `invalidSettings`.
    package init(
        location: String, isCluster: Bool, environment: (String) -> String?
    ) throws(MartletError) {
        let location = try StoreLocation(location, known: Self.parameters)
        var endpoints: [Endpoint] = []
        for part in location.authority.split(separator: ",") { endpoints.append(try endpoint(String(part))) }
        guard !endpoints.isEmpty, isCluster || endpoints.count == 1 else {
            throw MartletError(
                .invalidSettings, "a Redis URL names \(isCluster ? "its nodes" : "one server")",
                fix: isCluster ? "such as redis+cluster://one:6379,two:6379" : "such as redis://localhost:6379/0")
        }
        self.init(endpoints: endpoints, isCluster: isCluster)
        if !location.path.isEmpty {
            guard !isCluster, let database = Int(location.path), (0..<65_536).contains(database) else {
                throw MartletError(
                    .invalidSettings,
                    isCluster ? "a Redis cluster has no database numbers" : "the database of a Redis is a number")
            }
            self.database = database
        }
        connections = try location.number("connections", 1...4_096) ?? connections
        connectTimeoutMilliseconds =
            try location.number("connect_timeout_ms", 1...600_000) ?? connectTimeoutMilliseconds
        readTimeoutMilliseconds = try location.number("read_timeout_ms", 1...600_000) ?? readTimeoutMilliseconds
        writeTimeoutMilliseconds = try location.number("write_timeout_ms", 1...600_000) ?? writeTimeoutMilliseconds
        expireAfterDays = try location.number("expire_after_days", 0...36_500)
        username = environment("MARTLET_REDIS_USERNAME")
        password = environment("MARTLET_REDIS_PASSWORD")
    }
}

private func endpoint(_ text: String) throws(MartletError) -> RedisSettings.Endpoint {
    let colon = text.lastIndex(of: ":")
    // An IPv6 address stands in brackets.
    if let colon, !text[colon...].contains("]") {
        guard let port = Int(text[text.index(after: colon)...]), (1...65_535).contains(port) else {
            throw MartletError(.invalidSettings, "\(text) has no port from 1 to 65535")
        }
        return .init(host: bare(text[..<colon]), port: port)
    }
    return .init(host: bare(text[...]), port: 6_379)
}

private func bare(_ host: Substring) -> String { String(host.hasPrefix("[") ? host.dropFirst().dropLast() : host) }
