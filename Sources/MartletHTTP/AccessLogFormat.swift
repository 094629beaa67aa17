internal import MartletCore

/// What a request leaves behind for the access log.
struct AccessRecord: Sendable {
    var microseconds: Int64
    var nanoseconds: UInt64
    var route: Int?
    var status: Int
    var receivedBytes: Int
    var sentBytes: Int
    var client: String
    /// Of requests whose route does not say it all.
    var target: Target?

    struct Target: Sendable {
        /// Longer ones are cut.
        private static let limitBytes = 256

        let method: String
        let path: String

        init(_ method: UnsafePointer<CChar>?, _ path: UnsafePointer<CChar>?) {
            self.method = method.map { cut($0, Self.limitBytes) } ?? ""
            self.path = path.map { cut($0, Self.limitBytes) } ?? ""
        }
    }
}

/// Text of a client, with U+FFFD for what is not UTF-8.
private func cut(_ text: UnsafePointer<CChar>, _ limitBytes: Int) -> String {
    var count = 0
    while count < limitBytes, text[count] != 0 { count += 1 }
    return String(decoding: UnsafeRawBufferPointer(start: text, count: count), as: UTF8.self)
}

/// How a request's line reads: `{"time", "tenant", "workspace", "client", "method", "route", "path", "status",
/// "received_bytes", "sent_bytes", "microseconds"}`. `path` stands only where the route has parameters or there is
/// none; the query never does, since it may hold what is nobody's business.
struct AccessLogFormat: Sendable {
    private let owner: String
    /// Method and route, as they stand in the lines.
    private let routes: [String]
    private let paths: [String]
    private let hasParameters: [Bool]
    private let methods: [Method]

    init(routes: [Router.Route], workspace: WorkspaceID) {
        owner = ",\"tenant\":\(quoted(workspace.tenant.name)),\"workspace\":\(quoted(workspace.name)),\"client\":"
        self.routes = routes.map { ",\"method\":\(quoted($0.method.rawValue)),\"route\":\(quoted($0.path))" }
        paths = routes.map { quoted($0.path) }
        hasParameters = routes.map { $0.path.contains("{") }
        methods = routes.map(\.method)
    }

    /// Whether a line must say more than its route does.
    func needsTarget(_ route: Int?, _ method: UnsafePointer<CChar>?) -> Bool {
        guard let route else { return true }
        // HEAD is answered by the route of GET.
        return hasParameters[route] || methods[route] == .get && method?.pointee != CChar(UInt8(ascii: "G"))
    }

    /// Lines of one second begin alike: where the last of these stands among what was written.
    struct LastSecond {
        var seconds = Int64.min
        var start = 0..<0
    }

    /// - Parameter last: of the lines that were written to this writer before.
    func write(_ record: AccessRecord, after last: inout LastSecond, to writer: inout ByteWriter) {
        let seconds = record.microseconds / 1_000_000
        if seconds == last.seconds {
            writer.append(repeating: last.start)
        } else {
            let start = writer.count
            writer.append("{\"time\":\"")
            writer.append(Timestamp(microseconds: seconds * 1_000_000))
            // The fraction stands in place of the Z.
            writer.truncate(to: writer.count - 1)
            last = LastSecond(seconds: seconds, start: start..<writer.count)
        }
        let fraction = record.microseconds - seconds * 1_000_000
        writer.append(UInt8(ascii: "."))
        var bound: Int64 = 100_000
        while bound > 1, fraction < bound {
            writer.append(UInt8(ascii: "0"))
            bound /= 10
        }
        writer.append(decimal: fraction)
        writer.append("Z\"")
        writer.append(text: owner)
        // An address needs no escapes.
        writer.append("\"")
        writer.append(text: record.client)
        writer.append("\"")
        if let route = record.route, record.target == nil {
            writer.append(text: routes[route])
        } else {
            writer.append(text: ",\"method\":\(quoted(record.target?.method ?? ""))")
            if let route = record.route {
                writer.append(",\"route\":")
                writer.append(text: paths[route])
            }
            writer.append(",\"path\":")
            writer.append(text: quoted(record.target?.path ?? ""))
        }
        writer.append(",\"status\":")
        writer.append(decimal: Int64(record.status))
        writer.append(",\"received_bytes\":")
        writer.append(decimal: Int64(record.receivedBytes))
        writer.append(",\"sent_bytes\":")
        writer.append(decimal: Int64(record.sentBytes))
        writer.append(",\"microseconds\":")
        writer.append(decimal: Int64(record.nanoseconds / 1_000))
        writer.append("}\n")
    }
}

/// As a JSON string: what a client sent cannot end a line or a value.
private func quoted(_ text: String) -> String {
    var json = JSONWriter()
    json.value(text)
    return json.text
}
