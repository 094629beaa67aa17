import MartletCore

/// The days, of 24 hours, from each timestamp to the time beside it; null where the timestamp is. Training sets and assembled tiles
/// both end with this one step, so that they agree in every bit.
/// - Precondition: the column holds timestamps, one time each.
func daysSince(_ newest: Column, at times: [Int64]) -> Column {
    guard case .timestamp(let values) = newest.values, values.count == times.count else {
        preconditionFailure("days are counted from timestamps, one time each")
    }
    return Column(.float64(zip(values, times).map { Double($1 &- $0) / 86_400_000_000 }), validity: newest.validity)
}
