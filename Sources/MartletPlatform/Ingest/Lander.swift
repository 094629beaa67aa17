internal import Dispatch
internal import Glibc
internal import MartletCore
internal import MartletDefinitions
internal import MartletLog
internal import MartletQuery
internal import Synchronization

/// Lands what the log holds in the tables of all sources, in micro-batches: after so much time or so many events,
/// whichever comes first. Runs behind a server on a thread of its own.
package final class Lander: Sendable {
    private static let consumer = "lander"
    /// How long it waits after a failure, at first and at most.
    private static let retrySeconds = 1.0...60.0
    /// How often compaction looks within the time after which it takes events out.
    private static let compactionsInTime: Int64 = 24

    private let workspace: Workspace
    private let intake: EventIntake
    private let isStopping = Atomic<Bool>(false)
    private let wake = DispatchSemaphore(value: 0)
    private let running = DispatchGroup()
    private let state = Mutex(LanderStatus())

    init(_ workspace: Workspace) throws {
        self.workspace = workspace
        intake = try workspace.intake
    }

    /// What it has done, for metrics and `martlet status`.
    package var status: LanderStatus { state.withLock { $0 } }

    /// Gives way to those who serve and take in: what is not landed yet is durable.
    package func start() { startThread(group: running, isPatient: true) { [self] in run() } }

    /// Ends after the step that runs. What is not landed stays in the log.
    package func stop() {
        isStopping.store(true, ordering: .relaxed)
        wake.signal()
        running.wait()
    }

    private func run() {
        giveWay()
        var retry = Self.retrySeconds.lowerBound
        while isRunning {
            do {
                try waitForEvents()
                if !isRunning { return }
                try step()
                retry = Self.retrySeconds.lowerBound
            } catch {
                state.withLock {
                    $0.failures += 1
                    $0.lastFailure = "\(error)"
                }
                pause(seconds: retry)
                retry = min(retry * 2, Self.retrySeconds.upperBound)
            }
        }
    }

    /// Lets those who answer requests go first where processors are scarce: landing is behind by seconds anyhow.
    // On Linux it counts for the thread that calls, which 0 names.
    private func giveWay() { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 5) }

    /// Lands and refines what was durable when it began.
    func step() throws {
        let end = intake.log.endOffset
        let start = intake.log.committedOffset(of: Self.consumer) ?? intake.log.startOffset
        guard end > start else { return }
        var rows = 0
        var stopped: [String: String] = [:]
        for landing in try workspace.landAll(upTo: end) {
            rows += landing.rows
            if let failure = landing.criticalFailure { stopped[landing.source] = failure.message }
        }
        try intake.log.commit(Self.consumer, offset: end)
        // What is landed, and counted by the views that follow the log, need not be kept for ever.
        let limits = workspace.settings.limits
        try intake.log.retain(sizeBytes: limits.logBytes, age: limits.logAge)
        try intake.deadLetters.retain(age: limits.deadLetterAge)
        try compactIfDue()
        state.withLock {
            $0.landedOffset = end
            $0.landedRows += rows
            $0.stopped = stopped
            $0.steps += 1
        }
    }

    /// Once in a while, as it reads all of the log that is old enough.
    private func compactIfDue() throws {
        let now = workspace.time.monotonicNanoseconds()
        let after = workspace.settings.limits.compactAfter
        let every = UInt64(max(after.microseconds / Self.compactionsInTime, 1_000_000)) * 1_000
        let isDue = state.withLock { state in
            guard state.compactedAt.map({ now &- $0 >= every }) ?? true else { return false }
            state.compactedAt = now
            return true
        }
        guard isDue else { return }
        let keys = try CompactionColumns(workspace, try workspace.appliedDefinitions(), intake.schemas)
        let report = try intake.log.compact(keys, age: after)
        state.withLock {
            $0.compactedEvents += report.removedEvents
            $0.compactedBytes += report.freedBytes
        }
    }

    private func waitForEvents() throws {
        let limits = workspace.settings.limits
        let start = intake.log.committedOffset(of: Self.consumer) ?? intake.log.startOffset
        while intake.log.endOffset <= start, isRunning { wait(for: start, seconds: 60) }
        let begun = workspace.time.monotonicNanoseconds()
        let enough = start + Int64(limits.landRows) - 1
        while intake.log.endOffset <= enough, isRunning {
            let rest = Double(limits.landEvery.microseconds) / 1e6 - workspace.seconds(since: begun)
            if rest <= 0 { return }
            wait(for: enough, seconds: rest)
        }
    }

    private var isRunning: Bool { !isStopping.load(ordering: .relaxed) }

    private func pause(seconds: Double) {
        _ = wake.wait(timeout: .now() + .milliseconds(Int(seconds * 1_000)))
    }

    /// Until the offset is readable or landing is to end; also earlier.
    private func wait(for offset: Int64, seconds: Double) {
        let number = intake.log.whenReadable(offset) { [wake] in wake.signal() }
        pause(seconds: seconds)
        intake.log.stopWaiting(number)
    }
}

/// How far landing has come.
package struct LanderStatus: Sendable {
    /// Every event with a smaller offset is in its bronze table.
    package var landedOffset: Int64 = 0
    package var landedRows = 0
    package var steps = 0
    /// Sources whose rows wait in bronze since a critical check failed, with its message.
    package var stopped: [String: String] = [:]
    package var failures = 0
    package var lastFailure: String?
    /// That compaction has taken out of the log, and what they took.
    package var compactedEvents = 0
    package var compactedBytes = 0
    fileprivate var compactedAt: UInt64?
}

extension Workspace {
    /// Lands and refines the events of all applied sources up to an offset of the log.
    func landAll(upTo end: Int64) throws -> [Landing] {
        let definitions = try appliedDefinitions()
        return try definitions.sources.map { source in
            try withLock("ingest-\(source.about.name)") {
                var landing = try land(source, upTo: end, definitions)
                let refinement = try refine(source, definitions.checks(of: source.about.name), engine.connect())
                // What a critical check holds back waits in bronze; the other sources go on.
                landing.criticalFailure = refinement?.criticalFailure
                return landing
            }
        }
    }
}
