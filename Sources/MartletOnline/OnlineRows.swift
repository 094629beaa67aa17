package import MartletCore

/// Latest values to be loaded: one row an entity, or several, of which the newest wins. No key may be null.
package struct LatestValues: Sendable {
    package var keys: [Column]
    /// One column a feature of the view, in its order.
    package var features: [Column]
    /// Microseconds, as are all times here.
    package var eventTimes: [Int64]
    package var createdTimes: [Int64]?
    package var positions: [Int64]?

    package init(
        keys: [Column], features: [Column], eventTimes: [Int64], createdTimes: [Int64]? = nil, positions: [Int64]? = nil
    ) {
        self.keys = keys
        self.features = features
        self.eventTimes = eventTimes
        self.createdTimes = createdTimes
        self.positions = positions
    }

    package var count: Int { eventTimes.count }
}

/// Tiles to be loaded: one state an entity.
package struct TileStates: Sendable {
    package var keys: [Column]
    /// As the kernels wrote them.
    package var states: ByteStrings
    /// Of the newest event in each state.
    package var eventTimes: [Int64]
    /// The newest arrival among the events of each state.
    package var arrivalTimes: [Int64]?
    /// The states hold every event before this time.
    package var upTo: Timestamp

    package init(
        keys: [Column], states: ByteStrings, eventTimes: [Int64], arrivalTimes: [Int64]? = nil, upTo: Timestamp
    ) {
        self.keys = keys
        self.states = states
        self.eventTimes = eventTimes
        self.arrivalTimes = arrivalTimes
        self.upTo = upTo
    }

    package var count: Int { states.count }
}

/// Entities to be deleted, each as of a moment: what is older stays away, what is newer comes back.
package struct Deletions: Sendable {
    package var keys: [Column]
    /// Microseconds; of tiles the moment up to which they are without events.
    package var eventTimes: [Int64]
    package var createdTimes: [Int64]?
    package var positions: [Int64]?

    package init(keys: [Column], eventTimes: [Int64], createdTimes: [Int64]? = nil, positions: [Int64]? = nil) {
        self.keys = keys
        self.eventTimes = eventTimes
        self.createdTimes = createdTimes
        self.positions = positions
    }
}
