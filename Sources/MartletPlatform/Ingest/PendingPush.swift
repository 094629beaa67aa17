internal import MartletConnectors
internal import MartletCore
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
        case waiting(CheckedContinuation<AppendReceipt, any Error>)
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
        if !misfits.isEmpty {
            try intake.deadLetters.add(
                misfits.map {
                    DeadLetter(source: report.source, reason: $0.reason, original: $0.original)
                })
        }
        let receipt = try await receipt()
        report.rows = receipt.stored + receipt.duplicates + misfits.count
        report.accepted = receipt.stored
        report.duplicates = receipt.duplicates
        report.misfits = misfits.sorted { $0.message < $1.message }.map { ($0.message, $0.reason) }
        report.endOffset = receipt.endOffset
        return report
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
            let result = state.withLock { state -> Result<AppendReceipt, MartletError>? in
                if case .done(let result) = state { return result }
                state = .waiting(continuation)
                return nil
            }
            if let result { continuation.resume(with: result.mapError { $0 as any Error }) }
        }
    }

    private func answer(_ result: Result<AppendReceipt, MartletError>) {
        let waiting = state.withLock { state -> CheckedContinuation<AppendReceipt, any Error>? in
            defer { state = .done(result) }
            if case .waiting(let continuation) = state { return continuation }
            return nil
        }
        waiting?.resume(with: result.mapError { $0 as any Error })
    }
}
