internal import MartletCore
internal import MartletDefinitions
internal import MartletFeatures
internal import MartletQuery

extension ViewQuery {
    /// A condition over `sql`'s columns that drops only rows which no feature at a time within `times` can need; it
    /// lets the scan leave out what lies outside.
    /// - Parameter anyAge: keeps the events of any age, whatever the features need.
    func condition(forLabels times: ClosedRange<Timestamp>, anyAge: Bool = false) throws -> String {
        guard areComputable(times) else { return "true" }
        let eventTime = "c\(keys.count)"
        let upper = "\(eventTime) <= \(sqlLiteral(.timestamp(times.upperBound)))"
        guard !anyAge, let earliest = try earliestEvent(forLabels: times) else { return upper }
        return "\(upper) AND \(eventTime) >= \(sqlLiteral(.timestamp(earliest)))"
    }

    /// The rows of a relation with the columns of `sql` that features at times within `times` can need, as SQL that can
    /// follow FROM: those of windows, and of each entity those that are its latest at one of these times on some clock.
    /// - Parameter anyAge: keeps of each entity its latest event, whatever the features need.
    func rowsNeeded(
        of relation: String, where condition: String, at times: ClosedRange<Timestamp>, anyAge: Bool
    ) throws -> String {
        guard areComputable(times) else { return "(SELECT * FROM \(relation) WHERE \(condition))" }
        let list = columnList()
        let (eventTime, arrivalTime, position) = ("c\(keys.count)", "c\(keys.count + 1)", "c\(keys.count + 2)")
        let isWindowed = if case .windowed = view.features { true } else { false }
        let first = try (isWindowed ? earliestEvent(forLabels: times) : nil) ?? times.lowerBound
        let from = sqlLiteral(.timestamp(first))
        let within = """
            SELECT \(list) FROM \(relation) WHERE \(condition) AND \(eventTime) >= \(from)
            AND \(eventTime) <= \(sqlLiteral(.timestamp(times.upperBound)))
            """
        if isWindowed, !anyAge { return "(\(within))" }
        // An older event is the latest one only for as long as no later one is known. What arrived before the first
        // label is known to all.
        let later = "greatest(\(arrivalTime), \(sqlLiteral(.timestamp(times.lowerBound))))"
        // What was taken back hides nothing for ever.
        let known = includesRemoved ? "CASE WHEN removed_at = \(Int64.max) THEN \(later) END" : later
        return """
            (\(within) UNION ALL SELECT \(list) FROM (
            SELECT *, min(\(known)) OVER (PARTITION BY \(keys.indices.map { "c\($0)" }.joined(separator: ", "))
            ORDER BY \(eventTime) DESC, \(arrivalTime) DESC, \(position) DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS later_known
            FROM \(relation) WHERE \(condition) AND \(eventTime) < \(from))
            WHERE later_known IS NULL OR \(later) < later_known)
            """
    }

    /// The kernels refuse other times, in words.
    private func areComputable(_ times: ClosedRange<Timestamp>) -> Bool {
        max(times.lowerBound.microseconds.magnitude, times.upperBound.microseconds.magnitude)
            < UInt64(timeLimitMicroseconds)
    }

    /// The time of the earliest event that a feature at a time within `times` can need; nil for an event of any age.
    private func earliestEvent(forLabels times: ClosedRange<Timestamp>) throws -> Timestamp? {
        switch view.features {
        case .latest: view.ttl.map { times.lowerBound - $0 }
        case .windowed:
            try view.windowPlan(inputs: inputs.map(\.name)).earliestEvent(at: times.lowerBound)
        case .derived: throw view.hasNoRows
        }
    }
}
