internal import MartletCore
internal import MartletDefinitions
internal import MartletFeatures

/// How a limit of memory is divided, and what rows cost. Estimates from the types of columns and the counts of rows,
/// multiplied by what was measured; docs/architecture.md, "Training sets larger than memory".
struct MemoryBudget {
    let bytes: Int
    /// Each takes working space of its own.
    let threads: Int

    /// What the query engine may hold.
    var engineBytes: Int { max(96 << 20, bytes * 2 / 5) }
    /// What a part of a view may cost while it is computed.
    var partBytes: Int { max(64 << 10, bytes * 3 / 10) }
    /// What a slice of the finished rows may cost.
    var sliceBytes: Int { max(64 << 10, bytes / 16) }
}

extension DataType {
    /// Of one value in memory; texts by a guess.
    var widthBytes: Int {
        switch self {
        case .bool: 1
        case .int32, .float32: 4
        case .int64, .float64, .timestamp: 8
        case .string, .bytes: 40
        case .list, .map: 120
        }
    }
}

extension TrainingMember {
    /// Of one event while features are computed: the columns, what their growing leaves unused, and the working space
    /// of the kernels.
    var eventBytes: Int {
        let columns = keys.map(\.type.widthBytes) + view.inputFields.map(\.type.widthBytes)
        return 3 * (columns.reduce(0, +) + 24)
    }

    /// Of one entity, of which each thread has a candidate or a count.
    func entityBytes(threads: Int) -> Int {
        if case .latest = view.features { 16 * max(1, threads) } else { 4 * max(1, threads) }
    }

    /// Of all events; at worst each is of another entity.
    func bytes(eventCount: Int64, threads: Int) -> Int {
        Int(eventCount) * (eventBytes + entityBytes(threads: threads))
    }

    /// Of one label, with its features.
    /// - Parameter eventCount: of the view: no list and no map is longer.
    func labelBytes(eventCount: Int64) -> Int {
        3 * (keys.reduce(16) { $0 + $1.type.widthBytes } + 9 * features.count + nestedBytes(eventCount: eventCount))
    }

    /// Of the lists and maps of one label.
    func nestedBytes(eventCount: Int64) -> Int {
        let bytes = view.nestedBytes(eventCount: Int(clamping: eventCount))
        return features.reduce(0) { $0 + bytes[$1] }
    }
}

extension FeatureViewDefinition {
    /// Of each feature the most that a list or a map of its takes, by its `n`, `k` or the limit of different values; 0
    /// for a scalar. In the order of `featureNames`.
    func nestedBytes(eventCount: Int) -> [Int] {
        guard case .windowed(let aggregates) = features else { return featureNames.map { _ in 0 } }
        return aggregates.flatMap { aggregate in
            let bytes: Int
            switch aggregate.resultType {
            case .list(let element):
                let length = aggregate.parameters.length ?? AggregateParameters.maximumLength
                bytes = 4 + min(length, eventCount) * element.type.widthBytes
            case .map(let element):
                bytes =
                    4 + min(differentValuesMaximum, eventCount) * (DataType.string.widthBytes + element.type.widthBytes)
            default: bytes = 0
            }
            return aggregate.windows.map { _ in bytes }
        }
    }
}

extension TrainingSetPlan {
    /// What building all at once takes.
    func wholeBytes(threads: Int) -> Int {
        let largest = zip(members, eventCounts).map { $0.bytes(eventCount: $1, threads: threads) }.max() ?? 0
        return largest + labels.rowCount * rowBytes * 2
    }

    /// Of one finished row.
    var rowBytes: Int {
        let nested = zip(members, eventCounts).reduce(0) { $0 + $1.0.nestedBytes(eventCount: $1.1) }
        return keys.reduce(8 + 16 * labels.names.count + nested) { $0 + $1.type.widthBytes } + 12 * featureNames.count
    }
}
