internal import MartletCore
internal import MartletDefinitions

/// How a limit of memory is divided, and what rows cost. Estimates from the types of columns and the counts of rows,
/// multiplied by what was measured; docs/architecture.md, "Training sets larger than memory".
struct MemoryBudget {
    let bytes: Int

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

    /// Of one label, with its features.
    var labelBytes: Int {
        3 * (keys.reduce(16) { $0 + $1.type.widthBytes } + 9 * features.count)
    }
}

extension TrainingSetPlan {
    /// What building all at once takes.
    var wholeBytes: Int {
        let largest = zip(members, eventCounts).map { $0.eventBytes * Int($1) }.max() ?? 0
        return largest + labels.rowCount * rowBytes * 2
    }

    /// Of one finished row.
    var rowBytes: Int {
        keys.reduce(8 + 16 * labels.names.count) { $0 + $1.type.widthBytes } + 12 * featureNames.count
    }
}
