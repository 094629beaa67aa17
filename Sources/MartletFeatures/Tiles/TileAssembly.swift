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
    /// The features in the order of the columns of the result.
    package let features: [WindowPlan.Feature]
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
    /// The oldest tile of each window of the tier at hand.
    var bounds: [Int]
    /// Scratch of distinct counts.
    var values = ValueSet()

    init(_ plan: WindowPlan, selection: [Int], capacity: Int) {
        features = selection.map { plan.features[$0] }
        needsTimes = features.contains { $0.function == .daysSince }
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
                count -= 1
                if needsTimes { times.removeLast() }
            }
            return error
        }
    }

    /// The columns, and an empty assembly.
    package consuming func finish() -> [Column] { features.indices.map { column($0) } }

    /// The columns of the rows appended so far.
    package func columns() -> [Column] { features.indices.map { column($0) } }
}

private let tooEarly = MartletError(
    .invalidInput, "a tile record is asked for a time before the one up to which it was loaded",
    fix: "ask for the present, or use a training set for the past")

extension WindowPlan.Feature {
    /// Whether the feature of an empty window is null; count, distinct and sum are zero.
    package var isNullWhenEmpty: Bool {
        switch function {
        case .count, .distinct, .sum: false
        case .mean, .stddev, .min, .max, .first, .last, .daysSince: true
        }
    }
}

extension WindowPlan {
    /// An assembly with room for `capacity` rows of the features numbered `selection`, of all features without it.
    package func assembly(capacity: Int, selection: [Int]? = nil) -> TileAssembly {
        TileAssembly(self, selection: selection ?? Array(features.indices), capacity: capacity)
    }
}
