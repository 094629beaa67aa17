internal import MartletConnectors
internal import MartletCore
internal import MartletDefinitions

/// What a message says, as the JSON that pushed events have.
enum MessageText {
    /// An event of the source.
    case event([UInt8])
    /// It says nothing of the source's events.
    case nothing
    /// It is to be kept as it came, for this reason.
    case misfit(reason: String, original: [UInt8])

    /// PostgreSQL's number of the type of byte strings.
    private static let byteStrings: UInt32 = 17

    init(_ message: RawMessage, of source: SourceDefinition) {
        let hasID = !source.id.isEmpty
        switch (message.payload, message.operation) {
        case (_, .truncate): self = .nothing
        case (.bytes(let bytes), _) where message.poison != nil:
            self = .misfit(reason: message.poison ?? "", original: bytes)
        case (.bytes(let bytes), .delete):
            // A tombstone: its key names the event, where it is an object of the id's columns.
            guard hasID else {
                self = .nothing
                return
            }
            let key = bytes.isEmpty ? message.key ?? [] : bytes
            guard let object = try? JSONValue(parsing: key), case .object(let members) = object else {
                self = .misfit(reason: "a delete whose key is no object with the source's id", original: key)
                return
            }
            self = .event(Array(JSONValue.object(members.merging(["_op": .string("delete")]) { $1 }).text.utf8))
        case (.bytes(let bytes), _): self = .event(bytes)
        case (.row(let after, let before), .delete):
            guard hasID, let row = before ?? after else {
                self = .nothing
                return
            }
            self = .event(Self.json(row, "delete"))
        case (.row(let after, let before), _):
            guard let row = after.map({ row in before.map { row.filled(from: $0) } ?? row }) else {
                self = .nothing
                return
            }
            // What a table says of an id takes the place of what it said before.
            self = .event(Self.json(row, hasID ? "update" : "insert"))
        }
    }

    private static func json(_ row: RawRow, _ operation: String) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("_op", operation)
            for (index, column) in row.table.columns.enumerated() where index < row.count {
                switch row[index] {
                case .unchanged: continue
                case .null:
                    json.key(column.name)
                    json.null()
                case .text(let text):
                    let value = String(decoding: text, as: UTF8.self)
                    json.member(column.name, column.type == byteStrings ? byteText(value) : value)
                }
            }
        }
        return json.bytes
    }

    /// `\x4142` as `\x41\x42`.
    private static func byteText(_ text: String) -> String {
        guard text.hasPrefix("\\x") else { return text }
        let digits = Array(text.dropFirst(2))
        return stride(from: 0, to: digits.count - 1, by: 2).map { "\\x\(digits[$0])\(digits[$0 + 1])" }.joined()
    }
}
