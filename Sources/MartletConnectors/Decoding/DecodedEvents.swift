package import MartletCore

/// Messages as events of a source: what fits, column by column, and what does not, with the reason.
package struct DecodedEvents: Sendable {
    /// The declared columns of the source, in their order: one value for each event that fits.
    package var columns: [Column]
    /// Microseconds since the epoch, UTC.
    package var eventTimes: [Int64]
    package var arrivalTimes: [Int64]
    /// For each event that fits the message it came from, counted from 0.
    package var messages: [Int32]
    package var misfits: [Misfit]

    package var count: Int { eventTimes.count }

    /// A message that is no event of the source.
    package struct Misfit: Sendable, Hashable {
        /// Counted from 0.
        package var message: Int
        /// What is wrong, without the value.
        package var reason: String
        /// The message as it came.
        package var original: [UInt8]

        package init(message: Int, reason: String, original: [UInt8]) {
            self.message = message
            self.reason = reason
            self.original = original
        }
    }
}
