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
/// Every window of a tier ends at its newest tile, so that one walk from the newest to the oldest tile answers them all,
/// shortest first. The states are read in place, and nothing is allocated for a record of numbers once the rows are reserved.
/// The results have the bits of `WindowPlan.compute` over the same events.
package struct TileAssembly: Sendable {
    /// The features in the order of the columns of the result.
    package let features: [WindowPlan.Feature]
    /// The records appended so far, missing ones included.
    package private(set) var count = 0
    private let layout: TileLayout
    private let plan: AssemblyPlan
    // Row by row: one slot of eight bytes a feature, and one byte that tells whether it is present.
    private var slots: [Int64] = []
    private var presence: [UInt8] = []
    /// The bytes of text results; their slots hold offset and length.
    private var texts: [UInt8] = []
    private var bounds: [Int]
    private var values = ValueSet()

    init(_ plan: WindowPlan, selection: [Int], capacity: Int) {
        features = selection.map { plan.features[$0] }
        layout = plan.tileLayout
        self.plan = AssemblyPlan(plan, layout, selection: selection)
        bounds = [Int](repeating: 0, count: plan.windows.count)
        slots.reserveCapacity(capacity * features.count)
        presence.reserveCapacity(capacity * features.count)
    }

    /// Forgets the rows and keeps the memory.
    package mutating func removeAll() {
        count = 0
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
        count += 1
    }

    /// Appends the features of an entity at `time`.
    /// - Throws: `corruptData` for a damaged record, `stalePlan` for one of another layout, `invalidInput` where `time` lies
    ///   before the record's `upTo`; nothing is appended then.
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
            for tier in plan.tiers { try assemble(tier, record, time, row) }
            return nil
        } catch {
            if slots.count > row {
                slots.removeSubrange(row...)
                presence.removeSubrange(row...)
                texts.removeSubrange(textEnd...)
                count -= 1
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
        case .mean, .stddev, .min, .max, .first, .last: true
        }
    }
}

extension WindowPlan {
    /// An assembly with room for `capacity` rows of the features numbered `selection`, of all features without it.
    package func assembly(capacity: Int, selection: [Int]? = nil) -> TileAssembly {
        TileAssembly(self, selection: selection ?? Array(features.indices), capacity: capacity)
    }
}

extension TileAssembly {
    private mutating func assemble(
        _ tier: AssemblyPlan.Tier, _ record: TileRecord, _ time: Int64, _ row: Int
    ) throws(MartletError) {
        let tileCount = record.tileCount(tier.index)
        let starts = record.start(tier.index)
        let states = starts + 8 * tileCount
        // The oldest tile of each window; windows grow, so that this only moves back.
        var oldest = tileCount
        for window in tier.windows.indices {
            let left = tier.windows[window].left(at: time)
            while oldest > 0 && load(record.bytes, starts + 8 * (oldest - 1), Int64.self) >= left { oldest -= 1 }
            bounds[window] = oldest
        }
        for step in tier.steps {
            let walk = TileWalk(
                record: record, slot: step.slot, states: states + step.slot.offset, stride: tier.stateByteCount,
                newest: tileCount)
            switch step.slot.family {
            case .rows: assembleRows(walk, step, row)
            case .moments: try assembleMoments(walk, step, row)
            case .extremes:
                if step.slot.isText { try assembleTextExtremes(walk, step, row) } else { assembleExtremes(walk, step, row) }
            case .ends: try assembleEnds(walk, step, row)
            case .distinct: try assembleDistinct(walk, step, row)
            }
        }
    }

    private mutating func assembleRows(_ walk: TileWalk, _ step: AssemblyPlan.Step, _ row: Int) {
        var tile = walk.newest
        var total: Int64 = 0
        for window in step.windows {
            while tile > bounds[window.window] {
                tile -= 1
                total &+= load(walk.record.bytes, walk.place(tile), Int64.self)
            }
            for output in window.outputs { set(output.column, row, total) }
        }
    }

    private mutating func assembleMoments(
        _ walk: TileWalk, _ step: AssemblyPlan.Step, _ row: Int
    ) throws(MartletError) {
        var tile = walk.newest
        var moments = Moments()
        for window in step.windows {
            while tile > bounds[window.window] {
                tile -= 1
                let place = walk.place(tile)
                moments.narrow &+= walk.record.narrowMoments(walk.slot, place)
                let wide = Int(load(walk.record.bytes, place + 4, UInt32.self))
                if wide != 0 {
                    moments.combine(
                        Moments(narrow: NarrowMoments(), wide: try walk.record.wideMoments(walk.slot, wide)))
                }
            }
            for output in window.outputs {
                if output.function == .count {
                    set(output.column, row, moments.count)
                } else if let value = moments.lower(output.function) {
                    set(output.column, row, slot(value))
                }
            }
        }
    }

    private mutating func assembleExtremes(_ walk: TileWalk, _ step: AssemblyPlan.Step, _ row: Int) {
        var tile = walk.newest
        var minimum = Int64.max
        var maximum = Int64.min
        for window in step.windows {
            while tile > bounds[window.window] {
                tile -= 1
                let place = walk.place(tile)
                minimum = min(minimum, load(walk.record.bytes, place, Int64.self))
                maximum = max(maximum, load(walk.record.bytes, place + 8, Int64.self))
            }
            if minimum > maximum { continue }
            for output in window.outputs { set(output.column, row, output.function == .min ? minimum : maximum) }
        }
    }

    private mutating func assembleTextExtremes(
        _ walk: TileWalk, _ step: AssemblyPlan.Step, _ row: Int
    ) throws(MartletError) {
        var tile = walk.newest
        var minimum: UnsafeRawBufferPointer?
        var maximum: UnsafeRawBufferPointer?
        for window in step.windows {
            while tile > bounds[window.window] {
                tile -= 1
                let place = walk.place(tile)
                if let text = try walk.text(place), minimum.map({ compareBytes(text, $0) < 0 }) ?? true { minimum = text }
                if let text = try walk.text(place + 8), maximum.map({ compareBytes(text, $0) > 0 }) ?? true {
                    maximum = text
                }
            }
            guard let minimum, let maximum else { continue }
            for output in window.outputs { set(output.column, row, output.function == .min ? minimum : maximum) }
        }
    }

    /// An end is the place of the winning state; its value is read only when it is lowered.
    private mutating func assembleEnds(
        _ walk: TileWalk, _ step: AssemblyPlan.Step, _ row: Int
    ) throws(MartletError) {
        let lastOffset = walk.slot.needsFirst ? 32 : 0
        var tile = walk.newest
        var first: (order: OrderKey, place: Int)?
        var last: (order: OrderKey, place: Int)?
        for window in step.windows {
            while tile > bounds[window.window] {
                tile -= 1
                let place = walk.place(tile)
                // Tiles go back in time, so that each first beats the one before, and the first last stays.
                if walk.slot.needsFirst, let order = walk.record.order(place, absentFirstTime) { first = (order, place + 24) }
                if walk.slot.needsLast, last == nil, let order = walk.record.order(place + lastOffset, absentLastTime) {
                    last = (order, place + lastOffset + 24)
                }
            }
            for output in window.outputs {
                guard let end = output.function == .first ? first : last else { continue }
                if !walk.slot.isText {
                    set(output.column, row, load(walk.record.bytes, end.place, Int64.self))
                } else {
                    guard let text = try walk.text(end.place) else { throw corruptTail }
                    set(output.column, row, text)
                }
            }
        }
    }

    private mutating func assembleDistinct(
        _ walk: TileWalk, _ step: AssemblyPlan.Step, _ row: Int
    ) throws(MartletError) {
        values.removeAll()
        var tile = walk.newest
        for window in step.windows {
            while tile > bounds[window.window] {
                tile -= 1
                let place = walk.place(tile)
                let offset = Int(load(walk.record.bytes, place, UInt32.self))
                let count = Int(load(walk.record.bytes, place + 4, UInt32.self))
                if walk.slot.isText {
                    try insertTexts(walk.record, offset, count)
                } else if count > 0 {
                    guard let part = walk.record.tail(offset, 12 * count) else { throw corruptTail }
                    for index in 0..<count {
                        let value = load(part, 8 * index, Int64.self)
                        values.insert(value, hash: hashedValue(value) &>> 20) {
                            $0 == value
                        } hashOf: {
                            hashedValue($0) &>> 20
                        }
                    }
                }
            }
            for output in window.outputs { set(output.column, row, Int64(values.count)) }
        }
    }

    /// A text of the set is the place of its length within the record.
    private mutating func insertTexts(_ record: TileRecord, _ first: Int, _ count: Int) throws(MartletError) {
        var offset = first
        for _ in 0..<count {
            guard let head = record.tail(offset, 8),
                let text = record.tail(offset + 8, Int(load(head, 0, UInt32.self)))
            else { throw corruptTail }
            // Only texts that were checked are in the set.
            func known(_ key: Int64) -> UnsafeRawBufferPointer {
                let start = Int(key)
                return UnsafeRawBufferPointer(
                    rebasing: record.bytes[start + 8..<start + 8 + Int(load(record.bytes, start, UInt32.self))])
            }
            values.insert(Int64(offset), hash: hashedText(text)) {
                compareBytes(known($0), text) == 0
            } hashOf: {
                hashedText(known($0))
            }
            offset += 8 + text.count
        }
    }

    @inline(__always)
    private mutating func set(_ column: Int, _ row: Int, _ value: Int64) {
        slots[row &+ column] = value
        presence[row &+ column] = 1
    }

    private mutating func set(_ column: Int, _ row: Int, _ text: UnsafeRawBufferPointer) {
        set(column, row, Int64(texts.count) << 32 | Int64(text.count))
        texts.append(contentsOf: text)
    }

    private func column(_ column: Int) -> Column {
        let width = features.count
        let bits = [Int64](unsafeUninitializedCapacity: count) { bits, initialized in
            for row in 0..<count { bits[row] = slots[row * width + column] }
            initialized = count
        }
        var words = [UInt64](repeating: 0, count: (count + 63) >> 6)
        var presentCount = 0
        for row in 0..<count where presence[row * width + column] != 0 {
            words[row >> 6] |= 1 &<< UInt64(row & 63)
            presentCount += 1
        }
        let validity = presentCount == count ? nil : Bitmap(words: words, count: count)
        return Column(typedValues(bits, features[column], validity), validity: validity)
    }

    private func typedValues(_ bits: [Int64], _ feature: WindowPlan.Feature, _ validity: Bitmap?) -> Column.Values {
        switch feature.function {
        case .count, .distinct: return .int64(bits)
        case .sum, .mean, .stddev: return .float64(bits.map { Double(bitPattern: UInt64(bitPattern: $0)) })
        case .min, .max, .first, .last: break
        }
        switch feature.type {
        case .bool: return .bool(bits.map { $0 != 0 })
        case .int32: return .int32(bits.map { Int32(truncatingIfNeeded: $0) })
        case .int64: return .int64(bits)
        case .timestamp: return .timestamp(bits)
        case .float64: return .float64(bits.map(doubleOfOrderedBits))
        case .float32: return .float32(bits.map { Float(doubleOfOrderedBits($0)) })
        case .string, .bytes:
            var strings = ByteStrings()
            for slot in bits {
                let start = Int(slot >> 32)
                strings.append(contentsOf: texts[start..<start + Int(slot & 0xFFFF_FFFF)])
            }
            return feature.type == .string ? .string(strings) : .bytes(strings)
        }
    }
}

/// The states of one slot in the tiles of a tier.
private struct TileWalk {
    let record: TileRecord
    let slot: TileSlot
    /// Where the state of tile 0 is.
    let states: Int
    let stride: Int
    /// One beyond the newest tile.
    let newest: Int

    @inline(__always)
    func place(_ tile: Int) -> Int { states &+ tile &* stride }

    func text(_ place: Int) throws(MartletError) -> UnsafeRawBufferPointer? {
        let offset = Int(load(record.bytes, place, UInt32.self))
        if offset == 0 { return nil }
        guard let text = record.tail(offset, Int(load(record.bytes, place + 4, UInt32.self))) else { throw corruptTail }
        return text
    }
}
