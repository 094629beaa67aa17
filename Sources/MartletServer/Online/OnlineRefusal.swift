internal import MartletCore
internal import MartletHTTP

/// A request to `/v1/online` that is not answered, as problem+json.
struct OnlineRefusal: Error {
    let response: Response

    init(_ status: Int, _ error: MartletError) { response = problem(error, status: status) }

    /// What the parts that both doors share refuse, said in our own form.
    init(_ error: FeastError) {
        let body = try? JSONValue(parsing: error.body)
        var message = "the request could not be answered"
        if let detail = body?["detail"]?.array?.first {
            let places = (detail["loc"]?.array ?? []).dropFirst().map { place in
                place.string ?? place.integer.map { "\($0)" } ?? ""
            }
            message = (places + [detail["msg"]?.string ?? message]).joined(separator: ": ")
        } else if let inner = body?.string, let said = (try? JSONValue(parsing: Array(inner.utf8)))?["message"]?.string
        {
            message = said
        }
        self.init(error.status, MartletError(error.status == 404 ? .notFound : .invalidInput, message))
    }
}
