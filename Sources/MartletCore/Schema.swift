/// A named, typed column of a table or a view.
package struct Field: Sendable, Hashable {
    package var name: String
    package var type: DataType
    package var isNullable: Bool

    package init(_ name: String, _ type: DataType, isNullable: Bool = true) {
        self.name = name
        self.type = type
        self.isNullable = isNullable
    }
}

/// An ordered list of fields with unique names.
package struct Schema: Sendable, Hashable {
    package var fields: [Field]

    package init(_ fields: [Field]) {
        precondition(Set(fields.map(\.name)).count == fields.count, "column names are unique within a schema")
        self.fields = fields
    }

    package var names: [String] { fields.map(\.name) }

    /// Linear in the number of fields: resolve names when planning, never in a loop over rows.
    package func index(of name: String) -> Int? { fields.firstIndex { $0.name == name } }

    package subscript(name: String) -> Field? { fields.first { $0.name == name } }
}
