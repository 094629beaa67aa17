package import MartletCore

/// The HTTP status that an error has where no foreign interface says otherwise.
package func httpStatus(of code: MartletError.Code) -> Int {
    switch code {
    case .usage: 400
    case .unknownName, .notFound: 404
    case .conflict, .stalePlan, .valuesDiffer: 409
    case .invalidDefinition, .invalidInput, .typeMismatch, .missingColumn, .missingTimeZone, .limitExceeded,
        .checkFailed, .labelLeakage:
        422
    case .storeUnavailable, .cancelled: 503
    case .diskFull: 507
    default: 500
    }
}

/// An error as problem+json (RFC 9457), with members of our own: `code`, `fix`, `place` (a file of the request with its
/// line and column) and `errors` where there are several.
/// - Parameter others: what else is wrong, each told like the first.
package func problem(_ error: any Error, status: Int? = nil, others: [MartletError] = []) -> Response {
    let known = error as? MartletError
    // Of a foreign error nothing is shown: its text may hold what a client must not see.
    let failure = known ?? MartletError(.internalFault, "the request could not be answered")
    let status = status ?? httpStatus(of: failure.code)
    var json = JSONWriter()
    json.object {
        $0.member("type", "urn:martlet:error:\(failure.code)")
        $0.member("title", title(ofStatus: status))
        $0.member("status", status)
        $0.member("detail", failure.message)
        writeMembers(of: failure, to: &$0)
        guard !others.isEmpty else { return }
        $0.key("errors")
        $0.array { list in
            for other in others {
                list.object {
                    $0.member("detail", other.message)
                    writeMembers(of: other, to: &$0)
                }
            }
        }
    }
    return Response(status: status, contentType: .problem, body: json.bytes)
}

private func writeMembers(of error: MartletError, to json: inout JSONWriter) {
    json.member("code", error.code.name)
    if let fix = error.fix { json.member("fix", fix) }
    guard let place = error.place else { return }
    json.key("place")
    json.object {
        $0.member("file", place.file)
        if let line = place.line { $0.member("line", line) }
        if let column = place.column { $0.member("column", column) }
    }
}

private func title(ofStatus status: Int) -> String {
    switch status {
    case 400: "Bad Request"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 409: "Conflict"
    case 413: "Content Too Large"
    case 415: "Unsupported Media Type"
    case 422: "Unprocessable Content"
    case 429: "Too Many Requests"
    case 503: "Service Unavailable"
    case 507: "Insufficient Storage"
    default: "Internal Server Error"
    }
}
