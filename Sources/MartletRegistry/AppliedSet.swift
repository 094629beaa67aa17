package import MartletCore
package import MartletDefinitions

/// A definition as it was applied. A version is one text: applying an earlier text again gives its earlier version.
package struct DefinitionVersion: Sendable, Hashable {
    package let definition: Definition
    /// Counted from 1 within a kind and name.
    package let version: Int64
    /// The revision that brought it.
    package let revision: Int64
    package let appliedAt: Timestamp
    /// The name of the principal who applied it.
    package let principal: String

    package var key: DefinitionKey { definition.key }
}

/// All definitions that hold at a revision.
package struct AppliedSet: Sendable, Hashable {
    /// 0, with nothing in it, before the first apply.
    package let revision: Int64
    /// In the order of application, and by name within a kind.
    package let members: [DefinitionVersion]

    package var definitions: [Definition] { members.map(\.definition) }

    package subscript(kind: Definition.Kind, name: String) -> DefinitionVersion? {
        members.first { $0.definition.kind == kind && $0.definition.name == name }
    }

    /// The version of each definition, by `features customer_spending`: what records keep.
    package var versions: [String: Int64] {
        Dictionary(uniqueKeysWithValues: members.map { ($0.key.description, $0.version) })
    }
}

/// One step in the history of a workspace.
package struct Revision: Sendable, Hashable {
    package let number: Int64
    package let parent: Int64
    /// The revision whose set this one took up again; nil for an apply.
    package let rolledBackTo: Int64?
    package let appliedAt: Timestamp
    package let principal: String
}

/// A change that can be applied as long as nobody else changes the workspace.
package struct ApplyPlan: Sendable, Hashable {
    /// The revision that the plan was made against.
    package let baseRevision: Int64
    package let diff: RepositoryDiff
    /// The whole set that will hold.
    package let definitions: [Definition]
    /// The revision whose set is taken up again; nil for an apply.
    package let rolledBackTo: Int64?

    package var isEmpty: Bool { diff.isEmpty }
    /// What each change touches.
    package func downstream(of key: DefinitionKey) -> [DefinitionKey] { diff.downstream(of: key) }
    /// As the command line prints it.
    package var text: String { diff.text }
}

/// What applying did.
package struct ApplyResult: Sendable, Hashable {
    package let set: AppliedSet
    /// Whether it made a revision; false where nothing changed or the request was a repetition.
    package let isNew: Bool
}
