package import MartletCore

/// A node of a YAML document with the place where it begins.
package struct YAMLNode: Sendable {
    package indirect enum Content: Sendable {
        /// `isPlain` says that the text stood without quotes, so that it may be a number, a truth value or null.
        case scalar(text: String, isPlain: Bool)
        case sequence([YAMLNode])
        case mapping([YAMLEntry])
    }

    package var content: Content
    package var place: MartletError.Place
}

/// A key and its value. Keys are always text: `null: x` has the key `null`.
package struct YAMLEntry: Sendable {
    package var key: String
    package var keyPlace: MartletError.Place
    package var value: YAMLNode
}

/// A scalar by the core schema of YAML 1.2 (spec section 10.3.2): `no`, `on` and `12:30` are text.
package enum YAMLScalar: Sendable, Hashable {
    case null
    case boolean(Bool)
    case integer(Int64)
    case number(Double)
    case text(String)
}

extension YAMLNode {
    /// nil for lists and mappings.
    package var scalar: YAMLScalar? {
        guard case .scalar(let text, let isPlain) = content else { return nil }
        return isPlain ? resolveCoreScalar(text) : .text(text)
    }

    /// For messages: `a list`, `a mapping`, `text`, `a whole number`.
    package var kindName: String {
        switch content {
        case .sequence: return "a list"
        case .mapping: return "a mapping"
        case .scalar:
            switch scalar {
            case .null, nil: return "nothing"
            case .boolean: return "true or false"
            case .integer: return "a whole number"
            case .number: return "a number"
            case .text: return "text"
            }
        }
    }
}

/// What a plain scalar means in the core schema. A whole number beyond 64 bits is a number.
package func resolveCoreScalar(_ text: String) -> YAMLScalar {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .boolean(true)
    case "false", "False", "FALSE": return .boolean(false)
    case ".nan", ".NaN", ".NAN": return .number(.nan)
    case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .number(.infinity)
    case "-.inf", "-.Inf", "-.INF": return .number(-.infinity)
    default: break
    }
    if text.hasPrefix("0o") { return Int64(text.dropFirst(2), radix: 8).map { .integer($0) } ?? .text(text) }
    if text.hasPrefix("0x") { return Int64(text.dropFirst(2), radix: 16).map { .integer($0) } ?? .text(text) }
    guard let isWhole = coreNumberIsWhole(Array(text.utf8)) else { return .text(text) }
    if isWhole, let value = Int64(text) { return .integer(value) }
    return Double(text).map { .number($0) } ?? .text(text)
}

/// Whether the bytes are a decimal number of the core schema and, if so, one without fraction and exponent.
private func coreNumberIsWhole(_ bytes: [UInt8]) -> Bool? {
    var position = 0
    func digits() -> Int {
        let start = position
        while position < bytes.count, (48...57).contains(bytes[position]) { position += 1 }
        return position - start
    }
    func take(_ choices: Unicode.Scalar...) -> Bool {
        guard position < bytes.count, choices.contains(where: { UInt8(ascii: $0) == bytes[position] }) else {
            return false
        }
        position += 1
        return true
    }
    _ = take("-", "+")
    let whole = digits()
    if position == bytes.count { return whole > 0 ? true : nil }
    if take(".") {
        guard digits() + whole > 0 else { return nil }
    } else if whole == 0 {
        return nil
    }
    if take("e", "E") {
        _ = take("-", "+")
        guard digits() > 0 else { return nil }
    }
    return position == bytes.count ? false : nil
}
