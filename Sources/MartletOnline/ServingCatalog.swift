package import MartletFeatures

/// What a server may serve: plain data, made from the registry and replaced as a whole.
package struct ServingCatalog: Sendable {
    /// The views in service, by name.
    package let views: [String: OnlineView]
    /// Views that are computed from these and from values of the request, by name.
    package let derivedViews: [String: DerivedView]
    /// Further versions that may be named as `view@v2`.
    package let pinnedViews: [String: [Int: OnlineView]]
    package let services: [String: [FeatureReference]]
    /// The join key of each entity that has exactly one: Feast's clients may name the entity instead.
    package let entityKeys: [String: String]

    package init(
        views: [OnlineView], pinnedViews: [OnlineView] = [], derivedViews: [DerivedView] = [],
        services: [String: [FeatureReference]] = [:], entityKeys: [String: String] = [:]
    ) {
        self.views = Dictionary(views.map { ($0.name, $0) }) { _, last in last }
        var pinned: [String: [Int: OnlineView]] = [:]
        for view in pinnedViews + views { pinned[view.name, default: [:]][view.identity.version] = view }
        self.pinnedViews = pinned
        self.derivedViews = Dictionary(derivedViews.map { ($0.name, $0) }) { _, last in last }
        self.services = services
        self.entityKeys = entityKeys
    }

    package static let empty = ServingCatalog(views: [])
}
