internal import MartletCore

/// When a feature tells a model what it cannot know. Found by computing, never by name (docs/semantics.md, "Leakage").
enum LeakageRule {
    /// At most so many label rows are computed a second time, evenly spread over the labels.
    static let sampleRows = 20_000
    /// With fewer rows than this a share says nothing.
    static let rowsMin = 100
    /// A feature is refused that changes in more than this share of the rows in which it has seen an event.
    static let changedShareMax = 0.5

    /// Every how many label rows one is computed again.
    static func stride(_ labels: Int) -> Int { max(1, (labels + sampleRows - 1) / sampleRows) }
}

/// How many sampled rows of a feature need what was not known before the label.
struct LeakageCount: Hashable {
    /// Rows in which the feature has seen an event.
    var seen: Int64 = 0
    /// Those of them whose value is another one when only events strictly before the label, known by then, count.
    var changed: Int64 = 0

    static func + (left: Self, right: Self) -> Self {
        Self(seen: left.seen + right.seen, changed: left.changed + right.changed)
    }

    var isLeak: Bool {
        seen >= Int64(LeakageRule.rowsMin) && Double(changed) > LeakageRule.changedShareMax * Double(seen)
    }
}

/// - Throws: `labelLeakage` for the first feature that leaks and is not allowed to.
func refuseLeaks(_ names: [String], _ counts: [LeakageCount], allowed: Set<String>, hasArrivalTimes: Bool) throws {
    for (name, count) in zip(names, counts) where count.isLeak && !allowed.contains(name) {
        let known = hasArrivalTimes ? " and known by then" : ""
        throw MartletError(
            .labelLeakage,
            "\(name) needs events at or after the label's time: of \(count.seen) sampled label rows in which it has "
                + "seen an event, \(count.changed) have another value when only events before the label\(known) count",
            fix: "set the label's time before its own event, use --as-known, or say --allow-leakage \(name)")
    }
}

/// Finds features that repeat a column of the labels: in every sampled row where both are there they are equal, and the
/// column takes more than one value.
struct LabelCopies {
    private struct Pair {
        let feature: Int
        let label: Int
        var rows = 0
        var isVaried = false
        var first: Value = .null
    }

    private var pairs: [Pair] = []
    private let names: [String]
    private let stride: Int
    private var row = 0

    /// - Parameters:
    ///   - labels: the columns that came with the labels, without keys and time.
    ///   - features: those that may not repeat one.
    init(_ schema: Schema, labels: [String], features: [String], stride: Int) {
        names = schema.names
        self.stride = stride
        for feature in features.compactMap({ schema.index(of: $0) }) {
            for label in labels.compactMap({ schema.index(of: $0) }) {
                let (left, right) = (schema.fields[feature].type, schema.fields[label].type)
                guard left == right || (left.isComparable && right.isComparable) else { continue }
                pairs.append(Pair(feature: feature, label: label))
            }
        }
    }

    mutating func update(_ batch: RecordBatch) {
        let start = (stride - row % stride) % stride
        pairs = pairs.compactMap { pair in
            var pair = pair
            let (feature, label) = (batch.columns[pair.feature], batch.columns[pair.label])
            for row in Swift.stride(from: start, to: batch.rowCount, by: stride) {
                if feature.isNull(row) || label.isNull(row) { continue }
                let value = label[row]
                guard isSame(feature[row], value) else { return nil }
                pair.rows += 1
                if pair.rows == 1 { pair.first = value } else if value != pair.first { pair.isVaried = true }
            }
            return pair
        }
        row += batch.rowCount
    }

    /// - Throws: `labelLeakage` for the first feature that repeats a column of the labels.
    func finish() throws {
        guard let found = pairs.first(where: { $0.rows >= LeakageRule.rowsMin && $0.isVaried }) else { return }
        let name = names[found.feature]
        throw MartletError(
            .labelLeakage,
            "\(name) equals the labels' column \(names[found.label]) in all \(found.rows) sampled rows that have both",
            fix: "leave one of them out, set the label's time before its own event, or say --allow-leakage \(name)")
    }
}

private func isSame(_ left: Value, _ right: Value) -> Bool {
    if let left = left.number, let right = right.number { return left == right }
    return left == right
}

extension DataType {
    fileprivate var isComparable: Bool { isNumeric || self == .bool }
}
