import Dispatch
import MartletCore
import MartletLog
import MartletTestSupport

/// The workspace of the tests' logs.
func testWorkspace(_ name: String = "payments") -> WorkspaceID {
    guard let tenant = TenantID("acme"), let workspace = WorkspaceID(tenant: tenant, name: name) else {
        preconditionFailure("the names are identifiers")
    }
    return workspace
}

/// Events with numbered payloads.
func batch(
    _ numbers: Range<Int>, source: String = "clicks", ids: Bool = false, position: SourcePosition? = nil
) -> EventBatch {
    var batch = EventBatch(source: source, schemaVersion: 3)
    for number in numbers {
        batch.eventTimes.append(Int64(number) * 1_000)
        batch.arrivalTimes.append(Int64(number) * 1_000 + 5)
        batch.operations.append(.insert)
        batch.ids.append(ids ? "id-\(number)" : "")
        batch.payloads.append("payload of \(number)")
    }
    batch.position = position
    batch.traceID = "trace"
    return batch
}

extension EventLog {
    /// Appends and writes on the calling thread.
    func store(_ batches: [EventBatch], key: String = "") throws -> AppendReceipt {
        let result = Received()
        append(batches, idempotencyKey: key) { outcome in result.set(outcome) }
        while writeGroup() > 0 {}
        guard let outcome = result.outcome else { throw MartletError(.internalFault, "no outcome") }
        return try outcome.get()
    }

    /// The payloads from an offset on.
    func payloads(from offset: Int64 = 0, maximumBytes: Int = 1 << 20) throws -> [String] {
        var reader = reader(from: offset)
        var found: [String] = []
        while true {
            let batches = try reader.next(maximumBytes: maximumBytes)
            if batches.isEmpty { return found }
            for batch in batches { found += (0..<batch.events.count).map { batch.events.payloads[$0] } }
        }
    }
}

/// What a completion was called with.
final class Received: Sendable {
    private let state = Locked<Result<AppendReceipt, MartletError>?>(nil)
    func set(_ outcome: Result<AppendReceipt, MartletError>) { state.withLock { $0 = outcome } }
    var outcome: Result<AppendReceipt, MartletError>? { state.withLock { $0 } }
}

/// A value behind a lock that closures may share.
final class Locked<Value: Sendable>: Sendable {
    private let queue = DispatchQueue(label: "locked")
    // Only touched on the queue.
    private nonisolated(unsafe) var value: Value
    init(_ value: Value) { self.value = value }
    func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        try queue.sync { try body(&value) }
    }
}
