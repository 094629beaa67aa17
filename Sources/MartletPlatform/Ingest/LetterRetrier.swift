internal import Dispatch
internal import MartletCore
internal import MartletDefinitions
internal import MartletLog
internal import Synchronization

/// Tries dead letters again by themselves: those whose time has come, and all that wait for a source whose definition
/// has changed. Each attempt counts; after as many as the rules allow a letter is escalated, and a person has to look.
/// Runs behind a server on a thread of its own.
final class LetterRetrier: Sendable {
    /// At most between two looks: letters may come in, and definitions be applied by another process.
    private static let restSeconds = 2.0
    /// Letters of one step.
    private static let stepLetters = 200

    private let workspace: Workspace
    private let intake: EventIntake
    private let tell: @Sendable (String) -> Void
    private let isStopping = Atomic<Bool>(false)
    private let wake = DispatchSemaphore(value: 0)
    private let running = DispatchGroup()
    private let state = Mutex(State())

    private struct State {
        var status = RetryStatus()
        /// The version of each source when letters were last tried by it.
        var versions: [String: UInt32]?
    }

    /// - Parameter tell: takes a line for whoever watches the server.
    init(_ workspace: Workspace, tell: @escaping @Sendable (String) -> Void) throws {
        self.workspace = workspace
        self.tell = tell
        intake = try workspace.intake
    }

    var status: RetryStatus { state.withLock { $0.status } }

    func start() { startThread(group: running) { [self] in run() } }

    func stop() {
        isStopping.store(true, ordering: .relaxed)
        wake.signal()
        running.wait()
    }

    func definitionsChanged() { wake.signal() }

    private func run() {
        while !isStopping.load(ordering: .relaxed) {
            do {
                try step()
            } catch {
                // The store of letters, or the log: both tell of it themselves, and the letters are due still.
                state.withLock { $0.status.lastFailure = "\(error)" }
            }
            var seconds = Self.restSeconds
            if let due = intake.deadLetters.nextDue {
                let left = Double(due.microseconds - workspace.time.now().microseconds) / 1e6
                seconds = min(seconds, max(0.05, left))
            }
            _ = wake.wait(timeout: .now() + .milliseconds(Int(seconds * 1_000)))
        }
    }

    /// Tries what is due.
    func step() throws {
        let definitions = try workspace.appliedDefinitions()
        try hasten(definitions)
        for letter in intake.deadLetters.due(limit: Self.stepLetters) {
            let reason = try attempt(letter, definitions)
            state.withLock { state in
                state.status.attempts += 1
                if reason == nil { state.status.replayed += 1 }
            }
            guard let reason, try intake.deadLetters.letter(letter.number).state == .escalated else { continue }
            state.withLock { $0.status.escalated += 1 }
            tell(
                "dead letter \(letter.number) of \(letter.source) is escalated after \(letter.attempts + 1) attempts: "
                    + reason)
        }
    }

    private func attempt(_ letter: DeadLetter, _ definitions: AppliedDefinitions) throws -> String? {
        do {
            return try workspace.replay(letter.number, definitions)
        } catch let error as MartletError where error.code == .unknownName {
            try intake.deadLetters.markFailed([letter.number], reason: error.message)
            return error.message
        } catch let error as MartletError where error.code == .conflict || error.code == .notFound {
            // Somebody has decided about it, or retention has, in the meantime.
            return nil
        }
    }

    /// What did not fit an older version of its source may fit now.
    private func hasten(_ definitions: AppliedDefinitions) throws {
        var versions: [String: UInt32] = [:]
        for source in definitions.sources {
            versions[source.about.name] = try workspace.sourceVersion(source.about.name, definitions)
        }
        let before = state.withLock { state in
            defer { state.versions = versions }
            return state.versions
        }
        guard let before, before != versions else { return }
        let changed = Set(versions.filter { before[$0.key] != $0.value }.keys)
        if !changed.isEmpty { try intake.deadLetters.hasten(changed) }
    }
}

/// What the trying of dead letters has done since the server began.
package struct RetryStatus: Sendable, Hashable {
    package var attempts = 0
    package var replayed = 0
    package var escalated = 0
    package var lastFailure: String?
}
