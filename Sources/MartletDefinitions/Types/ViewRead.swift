package import MartletCore

/// Features of another view that a view reads.
package struct ViewRead: Sendable, Hashable {
    package var view: String
    /// In the order of that view.
    package var features: [Field]
    /// The name of the key column in the rows, for each join key of that view whose column has another name there.
    package var keyColumns: [String: String]
    /// The fingerprint of that view's definition: a change of what is read is a change of its reader.
    package var definition: String

    package init(view: String, features: [Field], keyColumns: [String: String] = [:], definition: String) {
        self.view = view
        self.features = features
        self.keyColumns = keyColumns
        self.definition = definition
    }

    /// The name of a feature among the columns of the rows: `merchant_profile__ticket_mean_30d`.
    package func columnName(_ feature: String) -> String { "\(view)__\(feature)" }

    /// The features as columns of the rows.
    package var columns: [Field] { features.map { Field(columnName($0.name), $0.type) } }
}

extension FeatureViewDefinition {
    /// Tells definitions with other values from each other: 64 bits of FNV-1a over the canonical text without what is
    /// said for people. A mark of change, not of trust.
    package var fingerprint: String {
        var silent = self
        silent.about = About(name: about.name)
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in Definition.features(silent).canonicalText.utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
