package import MartletCore
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
    /// Of the definitions that it was made from.
    package let revision: Int64
    /// By service; those without any are not there.
    package let serviceOptions: [String: ServiceOptions]

    /// What a service allows, beyond naming features.
    package struct ServiceOptions: Sendable, Hashable {
        /// How old records in memory may be that are served, marked, while the store is unavailable; nil serves none.
        package var maxStale: TimeSpan?
        /// The share of entities whose served vectors are logged; 0 logs none.
        package var logSampleRate = 0.0

        package init(maxStale: TimeSpan? = nil, logSampleRate: Double = 0) {
            self.maxStale = maxStale
            self.logSampleRate = logSampleRate
        }
    }

    package init(
        views: [OnlineView], pinnedViews: [OnlineView] = [], derivedViews: [DerivedView] = [],
        services: [String: [FeatureReference]] = [:], entityKeys: [String: String] = [:], revision: Int64 = 0,
        serviceOptions: [String: ServiceOptions] = [:]
    ) {
        self.revision = revision
        self.serviceOptions = serviceOptions
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
