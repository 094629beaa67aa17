/// The features that one model asks for, in the order in which it wants them.
package struct ServiceDefinition: Sendable, Hashable {
    package var about: About
    package var features: [ServiceFeatures]

    package init(about: About, features: [ServiceFeatures]) {
        self.about = about
        self.features = features
    }
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
