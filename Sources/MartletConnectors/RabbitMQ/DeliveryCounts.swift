/// How often messages with an id came again, for queues that do not count that themselves. Remembers the last of them
/// only.
struct DeliveryCounts {
    static let limit = 10_000
    private var counts: [[UInt8]: Int] = [:]
    private var order: [[UInt8]] = []
    private var oldest = 0

    /// - Returns: how often it has come in all.
    mutating func again(_ id: [UInt8]) -> Int {
        if let count = counts[id] {
            counts[id] = count + 1
            return count + 1
        }
        if order.count < Self.limit {
            order.append(id)
        } else {
            counts[order[oldest]] = nil
            order[oldest] = id
            oldest = (oldest + 1) % Self.limit
        }
        // The first delivery was not counted.
        counts[id] = 2
        return 2
    }
}
