package import MartletCore

/// Why a latest-value feature has the row it has.
package struct LatestExplanation: Sendable, Equatable {
    package enum Outcome: String, Sendable {
        case present
        /// The latest row is older than the ttl.
        case outsideMaxAge
        /// There is no row at or before the time.
        case notFound
    }

    /// What made the winner win over the runner-up.
    package enum Decision: String, Sendable {
        /// There was no runner-up.
        case onlyCandidate
        case eventTime
        case arrivalTime
        case position
    }

    package let time: Timestamp
    package let outcome: Outcome
    /// The latest row, also where it is outside the maximum age; nil where there is none.
    package let winner: Int32?
    package let runnerUp: Int32?
    package let decision: Decision?
    /// The rows at or before the time that had not arrived by then; empty unless asked as known.
    package let notYetKnown: [Int32]
}

/// Explains the latest row of one entity. O(events).
/// - Throws: as `latestRows`.
package func explainLatest(
    events: EventColumns, id: Int32, at time: Timestamp, ttl: TimeSpan?, asKnown: Bool = false
) throws(MartletError) -> LatestExplanation {
    try checkTimes([time.microseconds], "label time")
    try checkTimes(events.eventTimes, "event time")
    try requireArrivalTimes(events, asKnown: asKnown)
    if let arrivals = events.arrivalTimes { try checkTimes(arrivals, "arrival time") }
    var winner: Int32?
    var runnerUp: Int32?
    var notYetKnown: [Int32] = []
    for row in 0..<events.count where events.ids[row] == id && events.eventTimes[row] <= time.microseconds {
        if events.isRemoved(row, at: time.microseconds, asKnown: asKnown) { continue }
        if asKnown, let arrivals = events.arrivalTimes, arrivals[row] > time.microseconds {
            notYetKnown.append(Int32(row))
        } else if winner.map({ isLater(row, than: Int($0), events) }) ?? true {
            runnerUp = winner
            winner = Int32(row)
        } else if runnerUp.map({ isLater(row, than: Int($0), events) }) ?? true {
            runnerUp = Int32(row)
        }
    }
    guard let winner else {
        return LatestExplanation(
            time: time, outcome: .notFound, winner: nil, runnerUp: nil, decision: nil, notYetKnown: notYetKnown)
    }
    let isStale = ttl.map { time.microseconds - events.eventTimes[Int(winner)] > $0.microseconds } ?? false
    return LatestExplanation(
        time: time, outcome: isStale ? .outsideMaxAge : .present, winner: winner, runnerUp: runnerUp,
        decision: runnerUp.map { decision(Int(winner), over: Int($0), events) } ?? .onlyCandidate,
        notYetKnown: notYetKnown)
}

private func decision(_ winner: Int, over other: Int, _ events: EventColumns) -> LatestExplanation.Decision {
    let first = events.orderKey(winner)
    let second = events.orderKey(other)
    if first.eventTime != second.eventTime { return .eventTime }
    return first.arrivalTime != second.arrivalTime ? .arrivalTime : .position
}
