package import MartletCore
internal import MartletQuery

/// The part of the log that is replayed: the events that arrived in it.
package struct ReplayWindow: Sendable, Hashable, CustomStringConvertible {
    /// nil means from the beginning.
    package var from: Timestamp?
    /// The first moment after it; what is computed is as known then.
    package var to: Timestamp

    package var description: String { "\(from.map(\.description) ?? "the beginning") to \(to)" }

    /// Over rows of bronze.
    var condition: String {
        let upper = "_arrival_time <= \(sqlLiteral(.timestamp(to)))"
        return from.map { "\(upper) AND _arrival_time >= \(sqlLiteral(.timestamp($0)))" } ?? upper
    }
}
