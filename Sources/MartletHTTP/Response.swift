/// The media type of a body.
package struct ContentType: Sendable {
    let text: StaticString
    /// Whether bodies of it become much smaller when they are coded.
    let isText: Bool

    package init(_ text: StaticString, isText: Bool = false) {
        precondition(text.hasPointerRepresentation, "a media type is more than one character")
        self.text = text
        self.isText = isText
    }

    package static let json = ContentType("application/json", isText: true)
    package static let problem = ContentType("application/problem+json", isText: true)
    package static let plainText = ContentType("text/plain; charset=utf-8", isText: true)
    package static let prometheus = ContentType("text/plain; version=0.0.4; charset=utf-8", isText: true)
    package static let parquet = ContentType("application/vnd.apache.parquet")
    package static let bytes = ContentType("application/octet-stream")
}

/// A whole answer.
package struct Response: Sendable {
    package var status: Int
    package var contentType: ContentType
    /// Beyond `Content-Type`, `Content-Length`, `Date` and `Connection`, which the server sets.
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    package init(
        status: Int = 200, contentType: ContentType = .json, headers: [(name: String, value: String)] = [],
        body: [UInt8] = []
    ) {
        self.status = status
        self.contentType = contentType
        self.headers = headers
        self.body = body
    }
}

/// What a handler answers.
package enum Reply: Sendable {
    /// The body is in the writer that the handler was given.
    case written(status: Int, ContentType)
    case response(Response)
    /// The connection waits while the closure runs on a thread that may block; the server's own threads go on with
    /// others.
    case later(@Sendable () async -> Response)
    /// The connection waits until what the closure is given has been called, from any thread. No thread waits along,
    /// so it is for what others finish: neither the closure nor whoever calls back may block.
    case whenAnswered(@Sendable (_ answer: @escaping @Sendable (Response) -> Void) -> Void)
}
