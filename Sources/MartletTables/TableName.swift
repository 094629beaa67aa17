internal import MartletCore

/// A table of a workspace: a layer and a name, written `bronze.payments`. Both are identifiers.
package struct TableName: Sendable, Hashable, CustomStringConvertible {
    package let layer: String
    package let name: String

    /// As arrived.
    package static func bronze(_ name: String) -> TableName? { TableName("bronze." + name) }
    /// Typed, deduplicated, checked.
    package static func silver(_ name: String) -> TableName? { TableName("silver." + name) }
    /// Which rows of silver later events have taken back.
    package static func removed(_ name: String) -> TableName? { TableName("removed." + name) }
    /// Features and training sets.
    package static func gold(_ name: String) -> TableName? { TableName("gold." + name) }
    /// Rows that failed a check, with the reason.
    package static func quarantine(_ name: String) -> TableName? { TableName("quarantine." + name) }

    /// - Returns: nil where the text is not two identifiers parted by a point.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ isIdentifier(String($0)) }) else { return nil }
        layer = String(parts[0])
        name = String(parts[1])
    }

    /// - Throws: `unknownName` where the text is not two identifiers parted by a point.
    package init(parsing text: String) throws {
        guard let name = TableName(text) else {
            throw MartletError(
                .unknownName, "\"\(text)\" does not name a table", fix: "write layer.name, such as silver.payments")
        }
        self = name
    }

    package var description: String { "\(layer).\(name)" }
}
