package import MartletCore
import MartletDefinitions

/// Why a windowed feature has the value it has: what was counted, and what was not and why.
package struct WindowExplanation: Sendable {
    package let feature: WindowPlan.Feature
    package let time: Timestamp
    /// The window holds the events with `left <= eventTime < right`.
    package let left: Timestamp
    package let right: Timestamp
    /// One value, the feature's.
    package let value: Column
    /// The rows whose values were aggregated, in the order of events.
    package let contributing: [Int32]
    /// The rows within the window whose value is null or NaN.
    package let skipped: [Int32]
    /// The rows within the window that had not arrived by `time`; empty unless asked as known.
    package let notYetKnown: [Int32]
    /// For min, max, first, last and the times since them the row that has the value.
    package let winner: Int32?
}

extension WindowPlan {
    /// Explains one feature of one entity. Straight from the definition: a filter over all events and a fold over what
    /// is left, in O(events).
    /// - Throws: as `compute`.
    package func explain(
        feature index: Int, events: EventColumns, id: Int32, at time: Timestamp, asKnown: Bool = false
    ) throws(MartletError) -> WindowExplanation {
        precondition(features.indices.contains(index), "the plan has no feature \(index)")
        try checkTimes([time.microseconds], "label time")
        try check(events)
        try checkTimes(events.eventTimes, "event time")
        if let arrivals = events.arrivalTimes { try checkTimes(arrivals, "arrival time") }
        try requireArrivalTimes(events, asKnown: asKnown)
        let feature = features[index]
        let right = feature.window.right(at: time)
        let left = beginning(of: feature.window, events, id, at: time, asKnown: asKnown)
        var contributing: [Int32] = []
        var skipped: [Int32] = []
        var notYetKnown: [Int32] = []
        for row in 0..<events.count where events.ids[row] == id {
            let eventTime = events.eventTimes[row]
            guard eventTime >= left.microseconds && eventTime < right.microseconds else { continue }
            if events.isRemoved(row, at: time.microseconds, asKnown: asKnown) { continue }
            if asKnown, let arrivals = events.arrivalTimes, arrivals[row] > time.microseconds {
                notYetKnown.append(Int32(row))
            } else if isSkipped(feature, events, row) {
                skipped.append(Int32(row))
            } else {
                contributing.append(Int32(row))
            }
        }
        contributing.sort { events.orderKey(Int($0)) < events.orderKey(Int($1)) }
        return WindowExplanation(
            feature: feature, time: time, left: left, right: right,
            value: try value(of: index, events, contributing + skipped, at: time), contributing: contributing,
            skipped: skipped,
            notYetKnown: notYetKnown, winner: winner(feature, events, contributing))
    }

    /// The left end; where it depends on the events, from those that are known.
    private func beginning(
        of window: PlannedWindow, _ events: EventColumns, _ id: Int32, at time: Timestamp, asKnown: Bool
    ) -> Timestamp {
        let left = window.left(at: time)
        let limit = asKnown ? time.microseconds : .max
        var times: [Int64] = []
        for row in 0..<events.count where events.ids[row] == id && (events.arrivalTimes?[row] ?? .min) <= limit {
            let eventTime = events.eventTimes[row]
            if events.isRemoved(row, at: time.microseconds, asKnown: asKnown) { continue }
            if eventTime >= left.microseconds && eventTime < time.microseconds { times.append(eventTime) }
        }
        times.sort(by: >)
        switch window.shape {
        case .sliding, .tumbling: return left
        case .newest(let count):
            return times.count < count ? left : Timestamp(microseconds: times[count - 1])
        case .session(let gap):
            var first = time.microseconds
            for eventTime in times {
                if first - eventTime > gap.microseconds { break }
                first = eventTime
            }
            return Timestamp(microseconds: first)
        }
    }

    /// The value by the same kernels as everywhere, of nothing but the rows that count.
    private func value(
        of index: Int, _ events: EventColumns, _ rows: [Int32], at time: Timestamp
    ) throws(MartletError) -> Column {
        var inputs: [Column] = []
        for input in events.inputs { inputs.append(try input.gathering(rows)) }
        let counted = EventColumns(
            ids: [Int32](repeating: 0, count: rows.count), eventTimes: rows.map { events.eventTimes[Int($0)] },
            arrivalTimes: events.arrivalTimes.map { arrivals in rows.map { arrivals[Int($0)] } },
            positions: rows.map { events.positions?[Int($0)] ?? Int64($0) },
            inputs: inputs)
        return try compute(events: counted, labels: LabelColumns(ids: [0], times: [time.microseconds]))[index]
    }

    private func winner(_ feature: Feature, _ events: EventColumns, _ rows: [Int32]) -> Int32? {
        if feature.function == .timeSinceLast { return rows.last }
        guard let column = feature.column else { return nil }
        switch feature.function {
        case .first: return rows.first
        case .last: return rows.last
        case .min: return rows.min { isLess(events.inputs[column], Int($0), Int($1)) }
        case .max, .daysSince: return rows.max { isLess(events.inputs[column], Int($0), Int($1)) }
        default: return nil
        }
    }

    /// Whether the aggregate takes nothing of the row: a value or a category is missing, of a ratio in both parts.
    private func isSkipped(_ feature: Feature, _ events: EventColumns, _ row: Int) -> Bool {
        if let parts = feature.operands {
            return isSkipped(features[parts.dividend], events, row) && isSkipped(features[parts.divisor], events, row)
        }
        return [feature.column, feature.category].contains { column in
            column.map { isNoValue(events.inputs[$0], row) } ?? false
        }
    }
}

private func isNoValue(_ column: Column, _ row: Int) -> Bool {
    if column.isNull(row) { return true }
    switch column.values {
    case .float64(let array): return array[row].isNaN
    case .float32(let array): return array[row].isNaN
    default: return false
    }
}

private func isLess(_ column: Column, _ left: Int, _ right: Int) -> Bool {
    switch column.values {
    case .bool(let array): !array[left] && array[right]
    case .int32(let array): array[left] < array[right]
    case .int64(let array), .timestamp(let array): array[left] < array[right]
    case .float32(let array): orderedBits(Double(array[left])) < orderedBits(Double(array[right]))
    case .float64(let array): orderedBits(array[left]) < orderedBits(array[right])
    case .string(let strings), .bytes(let strings):
        strings.slice(left).lexicographicallyPrecedes(strings.slice(right))
    case .list, .map: preconditionFailure("lists and maps have no order")
    }
}
