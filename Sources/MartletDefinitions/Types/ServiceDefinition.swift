package import MartletCore

/// The features that one model asks for, in the order in which it wants them.
package struct ServiceDefinition: Sendable, Hashable {
    package var about: About
    package var features: [ServiceFeatures]
    /// How old a record in memory may be that is served, marked as stale, while the online store is unavailable; nil
    /// serves none.
    package var maxStale: TimeSpan?
    /// What is logged of the vectors that are served; nil means nothing.
    package var logging: ServiceLogging?

    package init(
        about: About, features: [ServiceFeatures], maxStale: TimeSpan? = nil, logging: ServiceLogging? = nil
    ) {
        self.about = about
        self.features = features
        self.maxStale = maxStale
        self.logging = logging
    }
}

/// The logging of served vectors.
package struct ServiceLogging: Sendable, Hashable {
    /// The share of entities whose vectors are logged, above 0 and up to 1. An entity is logged always or never.
    package var sampleRate: Double

    package init(sampleRate: Double) { self.sampleRate = sampleRate }
}

/// All or some features of one view.
package struct ServiceFeatures: Sendable, Hashable {
    package var view: String
    /// nil means all of the view's features, in its order.
    package var names: [String]?

    package init(view: String, names: [String]? = nil) {
        self.view = view
        self.names = names
    }
}
