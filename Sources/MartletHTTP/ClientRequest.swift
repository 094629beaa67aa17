package import MartletCore

/// A request that `HTTPClient` sends.
package struct ClientRequest: Sendable {
    package var method: String
    /// With scheme `http` or `https`.
    package var url: String
    /// `Name: value` each.
    package var headers: [String]
    package var body: [UInt8]
    package var signature: RequestSignature?

    package init(
        _ method: String, _ url: String, headers: [String] = [], body: [UInt8] = [],
        signature: RequestSignature? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.signature = signature
    }
}

/// Signs a request as Amazon's services want it (AWS Signature Version 4), by libcurl. All headers of the request are
/// signed.
package struct RequestSignature: Sendable {
    package var region: String
    package var service: String
    package var accessKey: String
    package var secretKey: String
    /// Of credentials that end with a session.
    package var sessionToken: String?

    package init(region: String, service: String, accessKey: String, secretKey: String, sessionToken: String? = nil) {
        self.region = region
        self.service = service
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.sessionToken = sessionToken
    }
}

package struct ClientResponse: Sendable {
    package var status: Int
    package var body: [UInt8]
}

/// What came of a request: an answer with any status, or why there was none.
package typealias ClientOutcome = Result<ClientResponse, MartletError>

/// What an `HTTPClient` may use.
package struct HTTPClientSettings: Sendable {
    /// Callers at the same moment; further ones wait.
    package var callers = 16
    /// Requests of one caller under way at the same moment, each on a connection of its own that is kept.
    package var requestsPerCaller = 32
    package var connectTimeoutMilliseconds = 1_000
    package var responseBytes = 64 << 20
    /// A file of certificates in PEM form that servers may be signed by; nil means those of the system.
    package var certificateAuthorities: String?
    /// Connections to `host:port` go to another address: `host:port:address:port`. For tests.
    package var connectTo: String?

    package init() {}
}
