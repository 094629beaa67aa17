package import MartletCore

/// What became of served vectors that were computed again offline.
package struct ServedReport: Sendable {
    /// Why a served value is not what the offline path gives.
    package enum Cause: String, Sendable, Hashable, CaseIterable {
        /// It is what was known then; an event that had happened arrived only afterwards.
        case lateData = "late data"
        /// Its record was older than what was known then.
        case staleLoad = "stale load"
        /// The definitions of today give another value.
        case definitionDrift = "definition drift"
        /// A derived value that its own inputs do not give.
        case onDemand = "on-demand difference"
        case unexplained
    }

    package struct Mismatch: Sendable {
        package let feature: String
        /// `customer_id=42`.
        package let entity: String
        package let servedAt: Timestamp
        package let served: Value
        package let offline: Value
        package let cause: Cause
        package let snapshot: String
    }

    package let service: String
    package internal(set) var vectors = 0
    package internal(set) var values = 0
    /// Vectors of events that are not landed in the tables yet: they are left for later.
    package internal(set) var notLanded = 0
    package internal(set) var counts: [Cause: Int] = [:]
    /// The first of each cause.
    package internal(set) var mismatches: [Mismatch] = []
    package internal(set) var seconds = 0.0

    /// So many are told one by one of each cause.
    static let shownOfEach = 5

    init(service: String) { self.service = service }

    package func count(_ cause: Cause) -> Int { counts[cause] ?? 0 }

    package var isExplained: Bool { count(.unexplained) == 0 }

    mutating func add(_ mismatch: Mismatch) {
        counts[mismatch.cause, default: 0] += 1
        if count(mismatch.cause) <= Self.shownOfEach { mismatches.append(mismatch) }
    }
}
