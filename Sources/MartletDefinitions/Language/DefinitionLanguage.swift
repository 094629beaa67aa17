internal import MartletCore

/// The keys of every kind of definition.
package enum DefinitionLanguage {
    package static func shape(of kind: Definition.Kind) -> ObjectShape {
        switch kind {
        case .entity: entity
        case .source: source
        case .features: features
        case .service: service
        case .checks: checks
        }
    }

    /// What every definition may say of itself, after the key that names it.
    static func named(_ kind: Definition.Kind, _ documentation: String) -> [MemberShape] {
        [
            MemberShape(kind.rawValue, .name, isRequired: true, documentation),
            MemberShape("description", .text, "What it is, for a person."),
            MemberShape("owner", .text, "Who answers for it: a team or an address."),
            MemberShape("tags", .labels, "Free labels, such as domain: fraud."),
        ]
    }

    static let names: Shape = .either([.name, .list(.name)])
    static let timeSpans: Shape = .either([.timeSpan, .list(.timeSpan)])
    static let dataType: Shape = .choice(DataType.scalars.map(\.rawValue))
    /// Of the columns of a source: scalars, and lists of them and maps to them.
    static let columnType: Shape = .choice(
        (DataType.scalars + DataType.Element.allCases.map { .list($0) } + DataType.Element.allCases.map { .map($0) })
            .map(\.rawValue))
}
