package import MartletCore

/// Where a table of DynamoDB is, and how it is asked.
package struct DynamoSettings: Sendable {
    package var region: String
    package var table: String
    /// Of another server than Amazon's.
    package var endpoint: String
    package var accessKey: String
    package var secretKey: String
    package var sessionToken: String?
    /// Callers at the same moment.
    package var connections = 16
    /// For a read with all its repetitions.
    package var readTimeoutMilliseconds = 1_000
    /// For a chunk's part of writes with all its repetitions.
    package var writeTimeoutMilliseconds = 30_000
    /// Whether a read sees every write that was acknowledged before it, at twice the price.
    package var isConsistent = true
    /// Whether the table is made at first use where it is absent.
    package var createsTable = false
    /// How long after its view's ttl a record may be forgotten: sets the attribute `x` for DynamoDB's own TTL.
    package var expireAfterDays: Int?

    package init(region: String, table: String, endpoint: String? = nil, accessKey: String, secretKey: String) {
        self.region = region
        self.table = table
        self.endpoint = endpoint ?? "https://dynamodb.\(region).amazonaws.com"
        self.accessKey = accessKey
        self.secretKey = secretKey
    }

    private static let parameters: Set<String> = [
        "endpoint", "connections", "read_timeout_ms", "write_timeout_ms", "consistent", "create_table",
        "expire_after_days",
    ]

    /// Reads `//region/table?…`.
    /// - Parameter environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` are asked of it.
    /// - Throws: `invalidSettings`.
    package init(location: String, environment: (String) -> String?) throws(MartletError) {
        let location = try StoreLocation(location, known: Self.parameters)
        guard isName(location.authority, "-"), isName(location.path, "-_."), (3...255).contains(location.path.count)
        else {
            throw MartletError(
                .invalidSettings, "a DynamoDB URL names a region and a table of 3 to 255 letters, digits, - _ .",
                fix: "such as dynamodb://eu-central-1/martlet")
        }
        guard let accessKey = environment("AWS_ACCESS_KEY_ID"), let secretKey = environment("AWS_SECRET_ACCESS_KEY")
        else {
            throw MartletError(
                .invalidSettings, "DynamoDB needs credentials",
                fix: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN) in the environment")
        }
        let endpoint = location.parameters["endpoint"]
        if let endpoint, !endpoint.hasPrefix("http://"), !endpoint.hasPrefix("https://") {
            throw MartletError(.invalidSettings, "`endpoint` begins with http:// or https://")
        }
        self.init(
            region: location.authority, table: location.path, endpoint: endpoint, accessKey: accessKey,
            secretKey: secretKey)
        sessionToken = environment("AWS_SESSION_TOKEN")
        connections = try location.number("connections", 1...4_096) ?? connections
        readTimeoutMilliseconds = try location.number("read_timeout_ms", 1...600_000) ?? readTimeoutMilliseconds
        writeTimeoutMilliseconds = try location.number("write_timeout_ms", 1...600_000) ?? writeTimeoutMilliseconds
        expireAfterDays = try location.number("expire_after_days", 0...36_500)
        isConsistent = try location.flag("consistent") ?? isConsistent
        createsTable = try location.flag("create_table") ?? createsTable
    }
}

private func isName(_ text: String, _ others: String) -> Bool {
    !text.isEmpty
        && text.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || others.utf8.contains(byte)
        }
}
