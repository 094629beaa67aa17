package import MartletCore

/// One object of a feature repository, as its author wrote it.
package enum Definition: Sendable, Hashable {
    case entity(EntityDefinition)
    case source(SourceDefinition)
    case features(FeatureViewDefinition)
    case service(ServiceDefinition)
    case checks(ChecksDefinition)

    /// The kinds in the order in which they are applied: each may name only objects of the kinds before it.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case entity, source, features, service, checks
    }

    package var kind: Kind {
        switch self {
        case .entity: .entity
        case .source: .source
        case .features: .features
        case .service: .service
        case .checks: .checks
        }
    }

    package var name: String { about.name }

    /// What every kind of definition carries.
    package var about: About {
        switch self {
        case .entity(let definition): definition.about
        case .source(let definition): definition.about
        case .features(let definition): definition.about
        case .service(let definition): definition.about
        case .checks(let definition): definition.about
        }
    }
}

/// What every definition says of itself. Names are unique within a kind.
package struct About: Sendable, Hashable {
    package var name: String
    package var description: String
    package var owner: String
    package var tags: [String: String]
    /// Where it stands in the repository; no part of its identity.
    package var place: MartletError.Place

    package init(
        name: String, description: String = "", owner: String = "", tags: [String: String] = [:],
        place: MartletError.Place = .init(file: "")
    ) {
        self.name = name
        self.description = description
        self.owner = owner
        self.tags = tags
        self.place = place
    }
}

extension About {
    package static func == (left: About, right: About) -> Bool {
        left.name == right.name && left.description == right.description && left.owner == right.owner
            && left.tags == right.tags
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(description)
        hasher.combine(owner)
        hasher.combine(tags)
    }
}
