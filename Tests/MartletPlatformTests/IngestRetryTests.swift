import MartletCore
import MartletLog
import MartletPlatform
import MartletTestSupport
import Testing

@Suite("Dead letters that pass later")
struct IngestRetryTests {
    private func push(_ live: LiveEvents, _ lines: String) async throws -> PushReport {
        let pending = try Array(lines.utf8).withUnsafeBytes {
            try live.openDoor().push($0, isPadded: false, as: .jsonLines, to: "clicks", key: nil)
        }
        return try await pending.finish()
    }

    private let misfit = #"{"user":"ann","amount":"much","at":"2026-03-30T00:00:00Z"}"# + "\n"

    @Test("what did not fit comes in by itself, once, when its source's definition lets it in")
    func definitions() async throws {
        let test = try TestRepository(clicks)
        let live = LiveEvents(test.workspace, isRunning: false)
        try await #expect(push(live, misfit).misfits.count == 1)
        try live.retryLetters()
        #expect(try test.deadLetters().map(\.attempts) == [1], "nothing has changed: it waits for a person")
        try test.apply(clicks.replacing("amount: float64", with: "amount: string"))
        try live.retryLetters()
        #expect(try test.deadLetters().isEmpty)
        #expect(live.status?.retries.attempts == 1 && live.status?.retries.replayed == 1)
        try live.retryLetters()
        try live.land(upTo: try #require(live.status?.endOffset))
        #expect(try test.rows("silver.clicks", "\"user\", amount") == ["ann much"])
    }

    @Test("what is sent again because no answer came is kept once")
    func repeating() async throws {
        let test = try TestRepository(clicks)
        let live = LiveEvents(test.workspace, isRunning: false)
        for _ in 0..<3 { try await #expect(push(live, misfit).misfits.count == 1) }
        #expect(try test.deadLetters().count == 1)
        #expect(live.status?.repeatedLetters == 2)
    }

    @Test("an event of the future is tried again by itself, and given up after eight attempts")
    func future() async throws {
        let test = try TestRepository(clicks)
        let live = LiveEvents(test.workspace, isRunning: false)
        try await #expect(
            push(live, misfit.replacing("\"much\"", with: "1").replacing("2026-03", with: "2036-03")).misfits.count == 1
        )
        let letter = try #require(try test.deadLetters().first)
        #expect(letter.reason == "at: in the future")
        #expect(letter.nextAttempt.map { $0 > TestRepository.now } == true)
        for _ in 1..<8 { _ = try test.workspace.replayDeadLetters([letter.number]) }
        #expect(try test.workspace.deadLetters(state: .escalated).map(\.number) == [letter.number])
    }

    @Test("a source that is to stay compatible does not take a version that is not, nor events ahead of it")
    func compatibility() async throws {
        let definitions = clicks.replacing("event_time: at", with: "compatibility: backward\nevent_time: at")
        let test = try TestRepository(definitions)
        let error = try #require(throws: MartletError.self) {
            try test.apply(definitions.replacing("amount: float64", with: "amount: {type: float64, nullable: false}"))
        }
        #expect(error.code == .checkFailed)
        #expect(error.message.contains("column amount may not become required"))
        let live = LiveEvents(test.workspace, isRunning: false)
        let ahead = #"{"user":"ann","amount":1,"tip":2,"at":"2026-03-30T00:00:00Z"}"# + "\n"
        try await #expect(
            push(live, ahead).misfits.map(\.reason) == ["tip: no column of the source (compatibility: backward)"])
        try test.apply(definitions.replacing("amount: float64", with: "amount: float64\n  tip: float64"))
        try live.retryLetters()
        live.definitionsChanged()
        try await #expect(push(live, ahead).accepted == 1)
    }
}
