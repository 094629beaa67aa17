package import MartletCore
package import MartletFeatures
internal import Synchronization

/// Assembles windowed features with the kernels' code, the same that makes training sets.
package final class TileAssembler: WindowAssembler {
    private let plan: WindowPlan
    /// Assemblies that are at rest, by the features they make: their plans and memory are used again.
    private let idle = Mutex<[[Int]: [TileAssembly]]>([:])
    private static let idleLimit = 64

    package init(_ plan: WindowPlan) { self.plan = plan }

    package func assemble(
        _ states: [UnsafeRawBufferPointer?], features: [Int], at time: Timestamp
    ) throws -> [Column] {
        let known = idle.withLock { $0[features]?.popLast() }
        var assembly = known ?? plan.assembly(capacity: states.count, selection: features)
        for state in states {
            if let state { try assembly.append(record: state.bytes, at: time) } else { assembly.appendMissing() }
        }
        let columns = assembly.columns()
        assembly.removeAll()
        let rested = assembly
        idle.withLock { idle in
            // Lists that are asked for once must not pile up.
            if idle.count >= Self.idleLimit, idle[features] == nil { idle.removeAll() }
            if idle[features, default: []].count < Self.idleLimit { idle[features, default: []].append(rested) }
        }
        return columns
    }
}

extension TileStates {
    /// The records that the kernels built, with the keys and newest events of their entities.
    /// - Parameters:
    ///   - keys: by entity number, as `EntityIndex.firstRows` gathers them.
    ///   - events: those the records were built from.
    package init(_ records: TileRecords, keys: [Column], events: EventColumns, upTo: Timestamp) throws {
        var newest: [Int32: (event: Int64, arrival: Int64)] = [:]
        newest.reserveCapacity(records.count)
        for id in records.ids { newest[id] = (.min, .min) }
        for (row, id) in events.ids.enumerated() where events.eventTimes[row] < upTo.microseconds {
            guard let before = newest[id] else { continue }
            newest[id] = (
                max(before.event, events.eventTimes[row]), max(before.arrival, events.arrivalTimes?[row] ?? .min)
            )
        }
        var states = ByteStrings()
        states.reserveCapacity(records.count, bytes: records.byteCount)
        try records.forEach { _, record in
            try record.withUnsafeBytes { bytes in
                guard states.bytes.count + bytes.count <= Int(Int32.max) else {
                    throw MartletError(
                        .limitExceeded, "the tiles of \(records.count) entities exceed 2 GiB",
                        fix: "load fewer entities in one part")
                }
                states.append(contentsOf: bytes)
            }
        }
        self.init(
            keys: keys.map { $0.gathering(fitting: records.ids) }, states: states,
            eventTimes: records.ids.map { newest[$0]?.event ?? 0 },
            arrivalTimes: events.arrivalTimes == nil ? nil : records.ids.map { newest[$0]?.arrival ?? 0 }, upTo: upTo)
    }
}
