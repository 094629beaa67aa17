internal import MartletCore
internal import MartletHTTP

/// A refusal in the shapes that Feast's clients read.
struct FeastError: Error {
    let status: Int
    let body: [UInt8]

    /// A Feast exception: a JSON string whose text is JSON, from which the stock client makes the exception again.
    init(status: Int, class name: String, _ message: String) {
        var inner = JSONWriter()
        inner.object {
            $0.member("module", "feast.errors")
            $0.member("class", name)
            $0.member("message", message)
        }
        var outer = JSONWriter()
        outer.value(inner.text)
        self.status = status
        body = outer.bytes
    }

    /// A malformed request, in the shape of FastAPI. What the client sent is not repeated: it may be personal.
    init(type: String, at location: [Location], _ message: String) {
        var json = JSONWriter()
        json.object {
            $0.key("detail")
            $0.array {
                $0.object {
                    $0.member("type", type)
                    $0.key("loc")
                    $0.array {
                        $0.value("body")
                        for part in location {
                            switch part {
                            case .name(let name): $0.value(name)
                            case .index(let index): $0.value(index)
                            }
                        }
                    }
                    $0.member("msg", message)
                    $0.key("input")
                    $0.null()
                }
            }
        }
        status = 422
        body = json.bytes
    }

    enum Location { case name(String), index(Int) }

    /// An error of the platform: what it is about decides the status, and the class is Feast's most general one.
    init(_ error: any Error) {
        guard let known = error as? MartletError else {
            self.init(status: 500, class: "FeastError", "the request could not be answered")
            return
        }
        self.init(status: httpStatus(of: known.code), class: "FeastError", "\(known.message) [\(known.code)]")
    }
}
