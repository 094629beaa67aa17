internal import MartletConnectors
internal import MartletCore
internal import MartletDefinitions
package import MartletLog

/// What replaying dead letters did.
package struct ReplayReport: Sendable {
    /// Letters whose events are in the log now.
    package var replayed = 0
    /// Letters that do not fit still.
    package var failed = 0
}

extension Workspace {
    /// Letters without their original bytes, the oldest first; where another process takes the workspace's events in,
    /// as they are at this moment.
    /// - Parameters:
    ///   - state: nil means those that nobody has decided about.
    ///   - after: only letters with a greater number.
    package func deadLetters(
        source: String? = nil, state: DeadLetter.State? = nil, after: Int64 = -1, limit: Int = 100
    ) throws -> [DeadLetter] {
        try lettersToRead().list(
            source: source, states: state.map { [$0] } ?? [.waiting, .escalated], after: after, limit: limit)
    }

    /// One letter with its original bytes.
    /// - Throws: `notFound`.
    package func deadLetter(_ number: Int64) throws -> DeadLetter { try lettersToRead().letter(number) }

    private func lettersToRead() throws -> DeadLetters {
        do {
            return try intake.deadLetters
        } catch let error as MartletError where error.code == .conflict {
            return try DeadLetters.reading(folder: EventIntake.deadLetters(logFolder), workspace: settings.workspace)
        }
    }

    /// Lets letters be: they stay where they are until retention removes them, and count no more.
    package func dropDeadLetters(_ numbers: [Int64]) throws { try intake.deadLetters.drop(numbers) }

    /// Reads letters by the definitions that are applied now, and lets those that fit come in.
    /// - Throws: `notFound`, `conflict` for one that was replayed or dropped, `unknownName` for a source that is gone.
    package func replayDeadLetters(_ numbers: [Int64]) throws -> ReplayReport {
        var report = ReplayReport()
        let definitions = try appliedDefinitions()
        for number in numbers {
            if try replay(number, definitions) == nil { report.replayed += 1 } else { report.failed += 1 }
        }
        return report
    }

    /// - Returns: why the letter does not fit still; nil where it came in.
    func replay(_ number: Int64, _ definitions: AppliedDefinitions) throws -> String? {
        let letters = try intake.deadLetters
        let letter = try letters.letter(number)
        guard letter.isOpen else {
            throw MartletError(.conflict, "dead letter \(number) was \(letter.state) before")
        }
        let source = try definitions.source(letter.source)
        let decoder = EventDecoder(source, futureSkew: settings.limits.futureSkew)
        let events = decoder.decode(messages: Self.one(letter.original), now: time.now())
        let typed = decoder.readsTexts ? try typedEvents(events, decoder) : (events, events.misfits)
        if let misfit = typed.1.first {
            var now = letter
            now.reason = misfit.reason
            try letters.markFailed([number], reason: misfit.reason, mayPassLater: now.mayPassLater)
            return misfit.reason
        }
        let batch = try EventBatch(
            source, version: sourceVersion(letter.source, definitions), columns: typed.0.columns,
            eventTimes: typed.0.eventTimes, arrivalTimes: typed.0.arrivalTimes, operations: typed.0.operations)
        // Named by the letter: a crash between the two lines does not bring the event in twice.
        _ = try intake.append([batch], idempotencyKey: "dead-letter-\(number)")
        try letters.markReplayed([number])
        return nil
    }

    private static func one(_ bytes: [UInt8]) -> ByteStrings {
        var strings = ByteStrings()
        strings.append(contentsOf: bytes)
        return strings
    }
}
