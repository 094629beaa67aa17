package import MartletCore

/// What follows the scheme in the URL of a remote store: `//authority/path?name=value&…`.
package struct StoreLocation: Sendable, Hashable {
    package let authority: String
    package let path: String
    package let parameters: [String: String]

    /// - Throws: `invalidSettings` where it is no such text, holds a secret, or has a parameter that is not `known`.
    package init(_ text: String, known: Set<String>) throws(MartletError) {
        guard text.hasPrefix("//") else { throw invalid("the URL of a remote store begins with scheme://") }
        let whole = text.dropFirst(2).split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let place = whole[0].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        authority = String(place[0])
        path = place.count > 1 ? String(place[1]) : ""
        if authority.contains("@") {
            throw MartletError(
                .invalidSettings, "the URL of a store holds a name or a password",
                fix: "give them in the environment (docs/backends.md)")
        }
        var parameters: [String: String] = [:]
        for pair in whole.count > 1 ? whole[1].split(separator: "&") : [] {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            guard parts.count == 2, known.contains(name) else {
                throw invalid("the URL of a store has no parameter `\(name)`; it may have \(known.sorted())")
            }
            parameters[name] = String(parts[1])
        }
        self.parameters = parameters
    }

    /// A whole number of a parameter.
    package func number(_ name: String, _ range: ClosedRange<Int>) throws(MartletError) -> Int? {
        guard let text = parameters[name] else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw invalid("`\(name)` is a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// `true` or `false` of a parameter.
    package func flag(_ name: String) throws(MartletError) -> Bool? {
        switch parameters[name] {
        case nil: nil
        case "true": true
        case "false": false
        default: throw invalid("`\(name)` is true or false")
        }
    }
}

private func invalid(_ message: String) -> MartletError { MartletError(.invalidSettings, message) }
