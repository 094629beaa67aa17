internal import Dispatch
internal import MartletConnectors
internal import MartletCore
internal import MartletDefinitions
internal import MartletLog
internal import MartletRegistry
internal import Synchronization

/// The one way in: the log of a workspace, what did not fit, and how payloads are read again. A process that takes
/// events in holds it alone.
final class EventIntake: Sendable {
    let log: EventLog
    let deadLetters: DeadLetters
    let schemas: PayloadSchemas

    /// - Throws: `conflict` where another process has the log.
    init(folder: String, _ workspace: WorkspaceID, _ registry: Registry, _ time: any TimeSource) throws {
        do {
            var settings = LogSettings()
            settings.isPublished = true
            log = try EventLog(folder: "\(folder)/events", workspace: workspace, time: time, settings: settings)
        } catch {
            guard error.code == .conflict else { throw error }
            throw MartletError(
                .conflict, "another process takes the events of this workspace in",
                fix: "send them to it (POST /v1/events/SOURCE), or end it first: it is probably a martlet serve",
                cause: error)
        }
        deadLetters = try DeadLetters(folder: Self.deadLetters(folder), workspace: workspace, time: time)
        schemas = PayloadSchemas(registry)
        log.start()
    }

    deinit { log.close() }

    static func deadLetters(_ folder: String) -> String { "\(folder)/deadletters" }

    /// Keeps what is no event of a source. What came before and is still open is not kept again.
    func keep(_ misfits: [DecodedEvents.Misfit], of source: String) throws(MartletError) {
        if misfits.isEmpty { return }
        try keep(misfits.map { DeadLetter(source: source, reason: $0.reason, original: $0.original) })
    }

    func keep(_ letters: [DeadLetter]) throws(MartletError) {
        try deadLetters.add(letters, mayPassLater: { $0.mayPassLater })
    }

    /// Appends and waits until the events are durable. Blocks.
    /// - Parameter idempotencyKey: as `EventLog.append` has it.
    func append(_ batches: [EventBatch], idempotencyKey: String = "") throws -> AppendReceipt {
        let answer = Mutex<Result<AppendReceipt, MartletError>?>(nil)
        let done = DispatchSemaphore(value: 0)
        log.append(batches, idempotencyKey: idempotencyKey) { result in
            answer.withLock { $0 = result }
            done.signal()
        }
        done.wait()
        guard let result = answer.withLock({ $0 }) else { preconditionFailure("the log has answered") }
        return try result.get()
    }
}

extension DeadLetter {
    /// Whether nothing is wrong but the time: then it is tried again by itself.
    var mayPassLater: Bool { reason.split(separator: "; ").allSatisfy { $0.hasSuffix(": in the future") } }
}

extension EventBatch {
    /// Events of a source as they go to the log.
    /// - Parameters:
    ///   - columns: the declared columns, in their order.
    ///   - operations: nil means that all are inserts. Updates and deletes have no id of their own: repeated, they
    ///     change nothing more.
    init(
        _ source: SourceDefinition, version: UInt32, columns: [Column], eventTimes: [Int64], arrivalTimes: [Int64],
        operations: [EventOperation]? = nil
    ) throws {
        self.init(source: source.about.name, schemaVersion: version)
        self.eventTimes = eventTimes
        self.arrivalTimes = arrivalTimes
        self.operations = operations ?? Array(repeating: .insert, count: eventTimes.count)
        ids = source.eventIDs(columns, operations: self.operations)
        payloads = try RowLayout(source.schema).encode(columns)
    }
}
