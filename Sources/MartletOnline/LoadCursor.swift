package import MartletCore

/// What is loaded: the view, up to when, and from what. Two loads with equal identities write the same.
package struct LoadIdentity: Sendable, Hashable {
    package var view: ViewIdentity
    package var upTo: Timestamp
    /// Names the input, such as the versions of the tables it was computed from.
    package var input: String

    package init(view: ViewIdentity, upTo: Timestamp, input: String) {
        self.view = view
        self.upTo = upTo
        self.input = input
    }
}

/// How far a load has come, stored in the transaction of each of its chunks.
package struct LoadCursor: Sendable, Hashable {
    package var upTo: Timestamp
    package var input: String
    /// The part that was being written, counted from 0 in the order of `OnlineLoad.write`.
    package var part: Int
    /// The last key of that part that is stored; parts are written in the order of their keys.
    package var lastKey: [UInt8]
    package var rows: Int
    package var isComplete: Bool

    package init(
        upTo: Timestamp, input: String, part: Int = 0, lastKey: [UInt8] = [], rows: Int = 0, isComplete: Bool = false
    ) {
        self.upTo = upTo
        self.input = input
        self.part = part
        self.lastKey = lastKey
        self.rows = rows
        self.isComplete = isComplete
    }

    /// Whether it belongs to that load.
    package func belongs(to identity: LoadIdentity) -> Bool { upTo == identity.upTo && input == identity.input }

    /// As JSON.
    package var encoded: [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.member("up_to", upTo.microseconds)
            $0.member("input", input)
            $0.member("part", part)
            $0.member("last_key", hexadecimal(lastKey))
            $0.member("rows", rows)
            $0.member("is_complete", isComplete)
        }
        return json.bytes
    }

    /// - Throws: `corruptData` where the bytes are no cursor.
    package init(decoding bytes: [UInt8]) throws {
        let json = try? JSONValue(parsing: bytes)
        guard let json, let upTo = json["up_to"]?.integer, let input = json["input"]?.string,
            let part = json["part"]?.integer, let key = json["last_key"]?.string.flatMap(fromHexadecimal),
            let rows = json["rows"]?.integer, let isComplete = json["is_complete"]?.bool
        else { throw MartletError(.corruptData, "the state of a load in the online store cannot be read") }
        self.init(
            upTo: Timestamp(microseconds: upTo), input: input, part: Int(part), lastKey: key, rows: Int(rows),
            isComplete: isComplete)
    }
}

private func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}

private func fromHexadecimal(_ text: String) -> [UInt8]? {
    let digits = text.utf8.map { Character(Unicode.Scalar($0)).hexDigitValue }
    guard digits.count % 2 == 0, !digits.contains(nil) else { return nil }
    let values = digits.compactMap { $0 }
    return stride(from: 0, to: values.count, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
}
