/// A tenant: the outermost wall between users. Every stored row, key, path and metric carries it.
package struct TenantID: Sendable, Hashable, CustomStringConvertible {
    package let name: String
    package init?(_ name: String) {
        guard isIdentifier(name) else { return nil }
        self.name = name
    }
    package var description: String { name }
}

/// A workspace of a tenant: one feature repository as applied.
package struct WorkspaceID: Sendable, Hashable, CustomStringConvertible {
    package let tenant: TenantID
    package let name: String
    package init?(tenant: TenantID, name: String) {
        guard isIdentifier(name) else { return nil }
        self.tenant = tenant
        self.name = name
    }
    package var description: String { "\(tenant)/\(name)" }
}

/// Who asks. Every use case takes one; what it may do is decided there.
package struct Principal: Sendable, Hashable {
    package let tenant: TenantID
    /// The user or service, as the audit trail writes it.
    package let name: String
    package init(tenant: TenantID, name: String) {
        self.tenant = tenant
        self.name = name
    }
}

/// Whether the text may name an object: a lower-case letter, then up to 62 lower-case letters, digits and underscores.
package func isIdentifier(_ text: String) -> Bool {
    let bytes = text.utf8
    guard let first = bytes.first, bytes.count <= 63, (97...122).contains(first) else { return false }
    return bytes.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }
}
