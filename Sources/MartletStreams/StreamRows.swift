package import MartletCore

/// Rows of one view as they come from the log: the entity's keys, times, offsets, and what the features read.
package struct StreamRows: Sendable {
    package var keys: [Column]
    /// Microseconds, as are all times here.
    package var eventTimes: [Int64]
    package var arrivalTimes: [Int64]
    /// Offsets of the log.
    package var positions: [Int64]
    /// For a windowed view the inputs of its plan, for latest values the features in the view's order.
    package var inputs: [Column]

    package init(
        keys: [Column], eventTimes: [Int64], arrivalTimes: [Int64], positions: [Int64], inputs: [Column]
    ) {
        self.keys = keys
        self.eventTimes = eventTimes
        self.arrivalTimes = arrivalTimes
        self.positions = positions
        self.inputs = inputs
    }

    package var count: Int { eventTimes.count }

    /// The rows named by number, in that order.
    package func gathering(_ rows: [Int32]) -> StreamRows {
        func taken(_ values: [Int64]) -> [Int64] { rows.map { values[Int($0)] } }
        return StreamRows(
            keys: keys.map { $0.gathering(fitting: rows) }, eventTimes: taken(eventTimes),
            arrivalTimes: taken(arrivalTimes),
            positions: taken(positions), inputs: inputs.map { $0.gathering(fitting: rows) })
    }

    /// These rows and then others of the same view.
    func appending(_ other: StreamRows) -> StreamRows {
        StreamRows(
            keys: zip(keys, other.keys).map { .joining(fitting: [$0, $1]) }, eventTimes: eventTimes + other.eventTimes,
            arrivalTimes: arrivalTimes + other.arrivalTimes, positions: positions + other.positions,
            inputs: zip(inputs, other.inputs).map { .joining(fitting: [$0, $1]) })
    }
}
