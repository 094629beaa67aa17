package import MartletCore

/// A view as an online store reads it. A class, so that a request takes one reference and not one for each of its
/// parts.
package final class OnlineView: Sendable {
    package let identity: ViewIdentity
    /// The join keys with their types, in the order of the key.
    package let keys: [Field]
    package let features: [Field]
    /// How old a latest value may be when it is read; nil means any age. Windowed views have none.
    package let ttl: TimeSpan?
    package let kind: Kind
    /// The embedding that can be searched, where the view has one.
    package let vector: Vector?

    package struct Vector: Sendable, Hashable {
        /// Index into the view's features, a list of float32.
        package let feature: Int
        package let search: VectorSearch

        package init(feature: Int, search: VectorSearch) {
            self.feature = feature
            self.search = search
        }
    }

    package enum Kind: Sendable {
        /// One row an entity with the newest values.
        case latest
        /// One record of tiles an entity, assembled when it is read.
        case windowed(any WindowAssembler)
    }

    package init(
        identity: ViewIdentity, keys: [Field], features: [Field], ttl: TimeSpan? = nil, kind: Kind = .latest,
        vector: Vector? = nil
    ) {
        precondition(!keys.isEmpty, "a view has at least one join key")
        precondition(features.count <= Int(UInt16.max), "a view has at most 65,535 features")
        self.identity = identity
        self.keys = keys
        self.features = features
        self.ttl = ttl
        self.kind = kind
        self.vector = vector
    }

    package var name: String { identity.view }

    package func featureIndex(_ name: String) -> Int? { features.firstIndex { $0.name == name } }
}

/// Makes the values of windowed features from stored tiles. What the tiles are is the kernels' business.
package protocol WindowAssembler: Sendable {
    /// The wanted features, as indices into the view's, for each state as of `time`: one column a feature, one value a
    /// state. A nil state is an entity of which nothing is known: it gets the values of the empty window.
    /// - Throws: `corruptData` for bytes that are no state of this view.
    func assemble(
        _ states: [UnsafeRawBufferPointer?], features: [Int], at time: Timestamp
    ) throws -> [Column]
}
