internal import MartletCore
internal import MartletDefinitions
internal import MartletFeatures
internal import MartletQuery

extension ViewQuery {
    /// A condition over `sql`'s columns that drops only rows which no feature at a time within `times` can need; it
    /// lets the scan leave out what lies outside.
    /// - Parameter anyAge: keeps the events of any age, whatever the features need.
    func condition(forLabels times: ClosedRange<Timestamp>, anyAge: Bool = false) throws -> String {
        // The kernels refuse such times, in words.
        guard
            max(times.lowerBound.microseconds.magnitude, times.upperBound.microseconds.magnitude)
                < UInt64(timeLimitMicroseconds)
        else { return "true" }
        let eventTime = "c\(keys.count)"
        let upper = "\(eventTime) <= \(sqlLiteral(.timestamp(times.upperBound)))"
        if anyAge { return upper }
        let earliest: Timestamp
        switch view.features {
        case .latest:
            guard let ttl = view.ttl else { return upper }
            earliest = times.lowerBound - ttl
        case .windowed:
            earliest = try view.windowPlan(inputs: inputs.map(\.name)).earliestEvent(at: times.lowerBound)
        case .derived: throw view.hasNoRows
        }
        return "\(upper) AND \(eventTime) >= \(sqlLiteral(.timestamp(earliest)))"
    }
}
