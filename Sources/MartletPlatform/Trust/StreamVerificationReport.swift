internal import MartletCore

/// What a comparison of views that follow the log with the log came to.
package struct StreamVerificationReport: Sendable {
    package struct View: Sendable {
        package let name: String
        /// What was compared counts the events with smaller offsets of the log.
        package let mark: Int64
        package let entities: Int
        package let moments: Int
        /// Of the sampled entities, that count at the mark.
        package let events: Int
        package let values: Int
        package let differences: Int
    }

    package internal(set) var views: [View] = []
    /// The first differences of each view.
    package internal(set) var differences: [Mismatch] = []
    package let seed: UInt64
    /// Whether another process was taking events in meanwhile: then what it had stored was compared, else what a server
    /// that starts now would serve.
    package let isLive: Bool
    package internal(set) var seconds = 0.0

    package var values: Int { views.reduce(0) { $0 + $1.values } }
    package var isEqual: Bool { views.allSatisfy { $0.differences == 0 } }
}
