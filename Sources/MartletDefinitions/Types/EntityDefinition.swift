package import MartletCore

/// What features describe: a customer, a card. A composite key has several fields; their order is the key's order.
package struct EntityDefinition: Sendable, Hashable {
    package var about: About
    /// The join keys: int32, int64, string, bytes, bool or timestamp; never null.
    package var keys: [Field]

    package init(about: About, keys: [Field]) {
        self.about = about
        self.keys = keys
    }
}
