/// What stands behind a value that is served; names as on Feast's wire.
package enum FeatureStatus: UInt8, Sendable, Hashable, CaseIterable {
    case present
    /// The entity is known and the value is null.
    case nullValue
    /// Nothing is stored for the entity.
    case notFound
    /// The stored value is older than the view's ttl; it is served as null.
    case outsideMaxAge

    package var name: String {
        switch self {
        case .present: "PRESENT"
        case .nullValue: "NULL_VALUE"
        case .notFound: "NOT_FOUND"
        case .outsideMaxAge: "OUTSIDE_MAX_AGE"
        }
    }
}
