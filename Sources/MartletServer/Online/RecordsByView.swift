internal import Dispatch
internal import MartletCore
internal import MartletOnline
internal import Synchronization

/// Records of one lookup that outlive the read they came from.
final class CopiedRecords: @unchecked Sendable {
    // @unchecked: the memory is written once, before anybody else has this.
    private let memory: UnsafeMutableRawBufferPointer
    /// By key; nil where there is no record.
    private let ranges: [Range<Int>?]
    let isStale: Bool

    init(_ table: borrowing RecordTable, count: Int) {
        var ranges: [Range<Int>?] = []
        ranges.reserveCapacity(count)
        var size = 0
        for key in 0..<count {
            let record = table.record(lookup: 0, key: key)
            ranges.append(record.map { size..<size + $0.count })
            size += record?.count ?? 0
        }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, size), alignment: 8)
        for (key, range) in ranges.enumerated() {
            guard let range, let record = table.record(lookup: 0, key: key) else { continue }
            UnsafeMutableRawBufferPointer(rebasing: memory[range]).copyMemory(from: record)
        }
        self.memory = memory
        self.ranges = ranges
        isStale = table.isStale
    }

    deinit { memory.deallocate() }

    /// Appends the records to the lookup that was begun last; they are valid as long as this value is held.
    func append(to table: inout RecordTable) {
        for range in ranges { table.append(range.map { UnsafeRawBufferPointer(rebasing: memory[$0]) }) }
    }
}

/// Reads the views of a call beside one another, each on a thread that may block, and gives up those that are late:
/// what they find then is dropped.
struct RecordsByView {
    struct Absent: Error {
        let status: VectorStatus
        let error: (any Error)?
    }

    private static let queue = DispatchQueue(label: "martlet.server.views", attributes: .concurrent)

    private let call: OnlineCall
    private let store: any OnlineStore

    init(_ call: OnlineCall, _ store: any OnlineStore) {
        self.call = call
        self.store = store
    }

    /// By part of the plan. Blocks until all have answered, and no longer than that.
    func read(withinNanoseconds limit: UInt64) -> [Result<CopiedRecords, Absent>] {
        let found = Found(call.plan.serving.parts.count)
        let answered = DispatchSemaphore(value: 0)
        for (index, lookup) in call.plan.serving.lookups.enumerated() {
            Self.queue.async { [call, store] in
                found.set(Self.records(lookup, call, store), index)
                answered.signal()
            }
        }
        let end = DispatchTime.now() + .nanoseconds(Int(limit))
        for _ in call.plan.serving.lookups where answered.wait(timeout: end) == .timedOut { break }
        return found.parts.withLock { parts in
            parts.map { $0 ?? .failure(Absent(status: .deadlineExceeded, error: nil)) }
        }
    }

    private static func records(
        _ lookup: RecordLookup, _ call: OnlineCall, _ store: any OnlineStore
    ) -> Result<CopiedRecords, Absent> {
        let keys = call.keys[lookup.keyIndex]
        var table = RecordTable()
        table.allowedStaleness = call.plan.maxStale
        var copied: CopiedRecords?
        do {
            try store.read([RecordLookup(view: lookup.view, keyIndex: 0)], keys: [keys], into: &table) { table in
                copied = CopiedRecords(table, count: keys.uniqueCount)
            }
        } catch {
            return .failure(Absent(status: .storeUnavailable, error: error))
        }
        guard let copied else { preconditionFailure("the store ran no body") }
        return .success(copied)
    }

    private final class Found: Sendable {
        let parts: Mutex<[Result<CopiedRecords, Absent>?]>
        init(_ count: Int) { parts = Mutex(Array(repeating: nil, count: count)) }
        func set(_ result: Result<CopiedRecords, Absent>, _ index: Int) { parts.withLock { $0[index] = result } }
    }
}
