internal import MartletOnline

/// What stands behind a value of our own answers: what `FeatureStatus` says, or why its view has no values.
enum VectorStatus: UInt8, Sendable, CaseIterable {
    case present, nullValue, notFound, outsideMaxAge
    /// The view had not answered when the deadline came.
    case deadlineExceeded
    /// The store could not be asked for the view, while others answered.
    case storeUnavailable

    init(_ status: FeatureStatus) {
        self =
            switch status {
            case .present: .present
            case .nullValue: .nullValue
            case .notFound: .notFound
            case .outsideMaxAge: .outsideMaxAge
            }
    }

    var name: StaticString {
        switch self {
        case .present: "PRESENT"
        case .nullValue: "NULL_VALUE"
        case .notFound: "NOT_FOUND"
        case .outsideMaxAge: "OUTSIDE_MAX_AGE"
        case .deadlineExceeded: "DEADLINE_EXCEEDED"
        case .storeUnavailable: "STORE_UNAVAILABLE"
        }
    }
}
