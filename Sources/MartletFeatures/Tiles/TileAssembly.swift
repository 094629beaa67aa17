package import MartletCore
import MartletDefinitions

/// Windowed features of many entities, assembled from their tile records at the moment of reading.
///
/// ```swift
/// var assembly = plan.assembly(capacity: keys.count)
/// for key in keys {
///     if let record = store[key] { try assembly.append(record: record, at: now) } else { assembly.appendMissing() }
/// }
/// let columns = assembly.finish()
/// ```
///
/// Every window of a tier ends at its newest tile, so that one walk from the newest to the oldest tile answers them
/// all, shortest first. The states are read in place, and nothing is allocated for a record of numbers once the rows
/// are reserved. The results have the bits of `WindowPlan.compute` over the same events.
package struct TileAssembly: Sendable {
    /// The features in the order of the columns of the result, then those that ratios divide.
    let features: [WindowPlan.Feature]
    private let resultCount: Int
    /// Of each result that is a ratio its parts among the features.
    private let ratios: [WindowPlan.Operands?]
    /// The records appended so far, missing ones included.
    package private(set) var count = 0
    private let layout: TileLayout
    private let plan: AssemblyPlan
    /// When each row was read; kept only where a feature is measured from then.
    private(set) var times: [Int64] = []
    private let needsTimes: Bool
    // Row by row: one slot of eight bytes a feature, and one byte that tells whether it is present.
    var slots: [Int64] = []
    var presence: [UInt8] = []
    /// The bytes of text results; their slots hold offset and length.
    var texts: [UInt8] = []
    /// The elements of lists and maps, whose slots hold the first and the number.
    var elements: [Element] = []
    /// The oldest tile of each window of the tier at hand.
    var bounds: [Int]
    /// Scratch of distinct counts.
    var values = ValueSet()

    /// An element of a list, or an entry of a map.
    struct Element: Sendable {
        /// The ordered bits of the element or the category, or of a text offset and length.
        var bits: Int64
        /// Of a map the count, or the bits of the double.
        var value: Int64
    }

    init(_ plan: WindowPlan, selection: [Int], capacity: Int) {
        resultCount = selection.count
        var selection = selection
        var operands: [WindowPlan.Operands?] = []
        for feature in selection {
            // What a ratio divides stands behind the results.
            operands.append(
                plan.features[feature].operands.map { parts in
                    let first = selection.count
                    selection += [parts.dividend, parts.divisor]
                    return WindowPlan.Operands(dividend: first, divisor: first + 1)
                })
        }
        ratios = operands
        features = selection.map { plan.features[$0] }
        needsTimes = features.contains { $0.elapsedUnit != nil }
        layout = plan.tileLayout
        self.plan = AssemblyPlan(plan, layout, selection: selection)
        bounds = [Int](repeating: 0, count: plan.windows.count)
        slots.reserveCapacity(capacity * features.count)
        presence.reserveCapacity(capacity * features.count)
    }

    /// Forgets the rows and keeps the memory.
    package mutating func removeAll() {
        count = 0
        times.removeAll(keepingCapacity: true)
        slots.removeAll(keepingCapacity: true)
        presence.removeAll(keepingCapacity: true)
        texts.removeAll(keepingCapacity: true)
        elements.removeAll(keepingCapacity: true)
    }

    /// Appends the features of an entity that has no record: those of empty windows.
    package mutating func appendMissing() {
        for feature in features {
            slots.append(0)
            presence.append(feature.isNullWhenEmpty ? 0 : 1)
        }
        if needsTimes { times.append(0) }
        count += 1
    }

    /// Appends the features of an entity at `time`.
    /// - Throws: `corruptData` for a damaged record, `stalePlan` for one of another layout, `invalidInput` where `time`
    ///   lies before the record's `upTo`; nothing is appended then.
    package mutating func append(record: RawSpan, at time: Timestamp) throws(MartletError) {
        let fault = record.withUnsafeBytes { bytes in appendReportingFault(bytes, time.microseconds) }
        if let fault { throw fault }
    }

    /// For callers that hold a copy of the record.
    package mutating func append(record: [UInt8], at time: Timestamp) throws(MartletError) {
        let fault = record.withUnsafeBytes { bytes in appendReportingFault(bytes, time.microseconds) }
        if let fault { throw fault }
    }

    private mutating func appendReportingFault(_ bytes: UnsafeRawBufferPointer, _ time: Int64) -> MartletError? {
        let row = slots.count
        let textEnd = texts.count
        let elementEnd = elements.count
        do throws(MartletError) {
            let record = try TileRecord(bytes, layout)
            guard time >= record.upTo else { throw tooEarly }
            appendMissing()
            if needsTimes { times[count - 1] = time }
            for tier in plan.tiers { try assemble(tier, record, time, row) }
            return nil
        } catch {
            if slots.count > row {
                slots.removeSubrange(row...)
                presence.removeSubrange(row...)
                texts.removeSubrange(textEnd...)
                elements.removeSubrange(elementEnd...)
                count -= 1
                if needsTimes { times.removeLast() }
            }
            return error
        }
    }

    /// The columns, and an empty assembly.
    package consuming func finish() -> [Column] { columns() }

    /// The columns of the rows appended so far.
    package func columns() -> [Column] { (0..<resultCount).map { result($0) } }

    private func result(_ column: Int) -> Column {
        guard let parts = ratios[column] else { return self.column(column) }
        return ratio(of: self.column(parts.dividend), to: self.column(parts.divisor))
    }
}

private let tooEarly = MartletError(
    .invalidInput, "a tile record is asked for a time before the one up to which it was loaded",
    fix: "ask for the present, or use a training set for the past")

extension WindowPlan.Feature {
    /// Whether the feature of an empty window is null; counts and sums are zero, lists and maps empty.
    package var isNullWhenEmpty: Bool {
        switch function {
        case .count, .distinct, .approxDistinct, .sessionCount, .sum, .decayedSum: false
        case .firstN, .lastN, .topK, .histogram: false
        case .mean: category == nil
        case .stddev, .variance, .skewness, .quantile, .decayedMean, .min, .max, .first, .last, .daysSince,
            .timeSinceLast, .ratio:
            true
        }
    }
}

extension WindowPlan {
    /// An assembly with room for `capacity` rows of the features numbered `selection`, of all features without it.
    package func assembly(capacity: Int, selection: [Int]? = nil) -> TileAssembly {
        TileAssembly(self, selection: selection ?? Array(features.indices), capacity: capacity)
    }
}
