internal import MartletCore

extension Connection {
    func tooMuchWork(_ priority: RoutePriority) -> Response {
        priority == .longWork
            ? unavailable(.longWork, "too much long work is under way (long_requests)", seconds: 5)
            : unavailable(.work, "too many requests wait for work in the background (waiting_requests)")
    }

    /// A refusal for now.
    func unavailable(_ refusal: Admission.Refusal, _ message: String, seconds: Int = 1) -> Response {
        core.admission.countRefusal(refusal)
        let wait = seconds == 1 ? "a second" : "\(seconds) seconds"
        var response = problem(MartletError(.limitExceeded, message, fix: "repeat it in \(wait)"), status: 503)
        response.headers.append(("Retry-After", "\(seconds)"))
        return response
    }

    func tooLarge() -> Response {
        problem(
            MartletError(
                .limitExceeded, "the body is larger than \(bodyLimitBytes) bytes (body limit)",
                fix: "send it in parts"), status: 413)
    }
}

/// The response, as the last of its connection.
func ended(_ response: Response) -> Response {
    var response = response
    response.headers.append(("Connection", "close"))
    return response
}

func methodNotAllowed(_ methods: [Method]) -> Response {
    var response = problem(MartletError(.usage, "this path does not take that method"), status: 405)
    let allowed = methods.contains(.get) ? methods + [.head] : methods
    response.headers.append(("Allow", allowed.map(\.rawValue).joined(separator: ", ")))
    return response
}
