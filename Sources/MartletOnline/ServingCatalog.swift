/// What a server may serve: plain data, made from the registry and replaced as a whole.
package struct ServingCatalog: Sendable {
    /// The views in service, by name.
    package let views: [String: OnlineView]
    /// Further versions that may be named as `view@v2`.
    package let pinnedViews: [String: [Int: OnlineView]]
    package let services: [String: [ServedFeature]]
    /// The join key of each entity that has exactly one: Feast's clients may name the entity instead.
    package let entityKeys: [String: String]

    package init(
        views: [OnlineView], pinnedViews: [OnlineView] = [], services: [String: [ServedFeature]] = [:],
        entityKeys: [String: String] = [:]
    ) {
        self.views = Dictionary(views.map { ($0.name, $0) }) { _, last in last }
        var pinned: [String: [Int: OnlineView]] = [:]
        for view in pinnedViews + views { pinned[view.name, default: [:]][view.identity.version] = view }
        self.pinnedViews = pinned
        self.services = services
        self.entityKeys = entityKeys
    }

    package static let empty = ServingCatalog(views: [])
}

/// A feature as services and requests name it.
package struct ServedFeature: Sendable, Hashable {
    package var view: String
    package var feature: String

    package init(view: String, feature: String) {
        self.view = view
        self.feature = feature
    }
}
