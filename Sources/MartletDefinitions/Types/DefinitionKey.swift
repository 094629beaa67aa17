/// A definition's identity within a workspace.
package struct DefinitionKey: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var kind: Definition.Kind
    package var name: String

    package init(_ kind: Definition.Kind, _ name: String) {
        self.kind = kind
        self.name = name
    }

    /// `features customer_spending`.
    package var description: String { "\(kind.rawValue) \(name)" }

    /// By kind in the order of application, then by name.
    package static func < (left: DefinitionKey, right: DefinitionKey) -> Bool {
        (left.kind.rank, left.name) < (right.kind.rank, right.name)
    }
}

extension Definition {
    package var key: DefinitionKey { DefinitionKey(kind, name) }
}

extension Definition.Kind {
    /// The place in the order of application.
    package var rank: Int {
        switch self {
        case .entity: 0
        case .source: 1
        case .features: 2
        case .service: 3
        case .checks: 4
        }
    }
}
