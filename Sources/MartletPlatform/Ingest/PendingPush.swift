internal import MartletConnectors
package import MartletCore
internal import MartletDefinitions
internal import MartletLog
internal import Synchronization

/// Events on their way to the disk.
package final class PendingPush: Sendable {
    private let source: PushedSource
    private let intake: EventIntake
    private let workspace: Workspace
    private let events: DecodedEvents
    private let fallbackKey: String?
    private let now: Timestamp
    private let state = Mutex<State>(.idle)

    private enum State {
        case idle
        case waiting(@Sendable (Result<AppendReceipt, MartletError>) -> Void)
        case done(Result<AppendReceipt, MartletError>)
    }

    init(
        source: PushedSource, intake: EventIntake, workspace: Workspace, events: DecodedEvents, fallbackKey: String?,
        now: Timestamp
    ) {
        self.source = source
        self.intake = intake
        self.workspace = workspace
        self.events = events
        self.fallbackKey = fallbackKey
        self.now = now
    }

    /// Waits until all is durable. May block: what did not fit is written here, and times of zones of their own are
    /// read.
    /// - Throws: `limitExceeded` where the log has too much to write, `storeUnavailable` once its disk has failed.
    package func finish() async throws -> PushReport {
        var report = PushReport(source: source.definition.about.name)
        var misfits = events.misfits
        if source.decoder.readsTexts {
            let (typed, refused) = try workspace.typedEvents(events, source.decoder)
            misfits += refused
            try append(typed)
        }
        // While the events are on their way to the disk, not after: two syncs, one wait.
        try intake.keep(misfits, of: report.source)
        let receipt = try await receipt()
        report.rows = misfits.count
        report.misfits = misfits.sorted { $0.message < $1.message }.map { ($0.message, $0.reason) }
        report.add(receipt)
        return report
    }

    /// Whether nothing but the disk is waited for.
    package var isOnlyAppending: Bool { !source.decoder.readsTexts && events.misfits.isEmpty }

    /// Calls `body` once all is durable, on the log's thread, which it must not block; at once where that is so
    /// already. Nobody is waked and no thread waits, as `finish` needs it.
    /// - Precondition: `isOnlyAppending`.
    package func whenDurable(_ body: @escaping @Sendable (Result<PushReport, MartletError>) -> Void) {
        precondition(isOnlyAppending, "what does not fit is to be kept first")
        let name = source.definition.about.name
        take { result in
            body(
                result.map { receipt in
                    var report = PushReport(source: name)
                    report.add(receipt)
                    return report
                })
        }
    }

    func append(_ events: DecodedEvents) throws {
        guard events.count > 0 else {
            answer(.success(AppendReceipt(endOffset: intake.log.endOffset, stored: 0, duplicates: 0)))
            return
        }
        var batch = try EventBatch(
            source.definition, version: source.version, columns: events.columns, eventTimes: events.eventTimes,
            arrivalTimes: events.arrivalTimes, operations: events.operations)
        if let fallbackKey { batch.ids = ByteStrings(events.messages.map { "\(fallbackKey)#\($0)" }) }
        intake.log.append([batch]) { [self] in answer($0) }
    }

    private func receipt() async throws -> AppendReceipt {
        try await withCheckedThrowingContinuation { continuation in
            take { continuation.resume(with: $0.mapError { $0 as any Error }) }
        }
    }

    private func take(_ body: @escaping @Sendable (Result<AppendReceipt, MartletError>) -> Void) {
        let result = state.withLock { state -> Result<AppendReceipt, MartletError>? in
            if case .done(let result) = state { return result }
            state = .waiting(body)
            return nil
        }
        if let result { body(result) }
    }

    private func answer(_ result: Result<AppendReceipt, MartletError>) {
        let waiting = state.withLock { state -> (@Sendable (Result<AppendReceipt, MartletError>) -> Void)? in
            defer { state = .done(result) }
            if case .waiting(let body) = state { return body }
            return nil
        }
        waiting?(result)
    }
}

extension PushReport {
    fileprivate mutating func add(_ receipt: AppendReceipt) {
        rows += receipt.stored + receipt.duplicates
        accepted = receipt.stored
        duplicates = receipt.duplicates
        endOffset = receipt.endOffset
    }
}
