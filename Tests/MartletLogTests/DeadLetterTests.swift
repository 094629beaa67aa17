import MartletCore
import MartletLog
import MartletTestSupport
import Testing

@Suite("Dead letters")
struct DeadLetterTests {
    private let folder = TemporaryFolder()
    private let clock = SimulatedClock(Timestamp(year: 2026, month: 1, day: 1))

    private func open() throws -> DeadLetters {
        try DeadLetters(folder: "\(folder.path)/dead", workspace: testWorkspace(), time: clock, seed: 5)
    }

    private func letter(_ source: String, _ reason: String, _ original: String) -> DeadLetter {
        DeadLetter(
            source: source, reason: reason, original: Array(original.utf8),
            position: SourcePosition(stream: "topic/3", bytes: [9]))
    }

    @Test("a letter is kept as it came, through openings, and listed by source, reason and page")
    func keeping() throws {
        do {
            let dead = try open()
            let letters = [
                letter("clicks", "type-mismatch: amount", "{\"amount\": \"x\"}"),
                letter("clicks", "invalid-input: json", "{"),
                letter("views", "invalid-input: json", "}"),
            ]
            #expect(try dead.add(letters) == [0, 1, 2])
        }
        let dead = try open()
        #expect(dead.list().map(\.number) == [0, 1, 2])
        #expect(dead.list(source: "clicks").map(\.number) == [0, 1])
        #expect(dead.list(reason: "invalid-input").map(\.number) == [1, 2])
        #expect(dead.list(after: 0, limit: 1).map(\.number) == [1])
        let first = try dead.letter(0)
        #expect(String(decoding: first.original, as: UTF8.self) == "{\"amount\": \"x\"}")
        #expect(first.position == SourcePosition(stream: "topic/3", bytes: [9]))
        #expect(first.attempts == 1 && first.state == .waiting && first.nextAttempt == nil)
        #expect(first.firstTime == clock.now())
        #expect(throws: MartletError.self) { try dead.letter(3) }
    }

    @Test("what came before and is still open is not kept twice; once it is decided about, it is")
    func repeating() throws {
        let push = DeadLetter(source: "clicks", reason: "not JSON", original: Array("{".utf8))
        var other = push
        other.source = "views"
        do {
            let dead = try open()
            #expect(try dead.add([push]) == [0])
            #expect(try dead.add([push, other]) == [1])
            #expect(dead.repeated == 1)
        }
        let dead = try open()
        #expect(try dead.add([push, other]).isEmpty)
        #expect(dead.repeated == 2)
        try dead.drop([0])
        #expect(try dead.add([push, other]) == [2])
        #expect(dead.list().map(\.number) == [1, 2])
    }

    @Test("another process sees the letters as they are at that moment, and cannot change them")
    func readingBeside() throws {
        let dead = try open()
        try dead.add([letter("clicks", "not JSON", "{")])
        let beside = try DeadLetters.reading(folder: "\(folder.path)/dead", workspace: testWorkspace())
        #expect(beside.list().map(\.reason) == ["not JSON"])
        #expect(try beside.letter(0).original == Array("{".utf8))
        let error = try #require(throws: MartletError.self) { try beside.drop([0]) }
        #expect(error.code == .conflict)
        try dead.drop([0])
        #expect(beside.list().count == 1)
        #expect(try DeadLetters.reading(folder: "\(folder.path)/dead", workspace: testWorkspace()).list().isEmpty)
    }

    @Test(
        "what may pass later is tried at growing distances with jitter, then escalated; the state outlives the process")
    func retrying() throws {
        var waits: [Double] = []
        do {
            let dead = try open()
            try dead.add([letter("clicks", "not-found: no schema yet", "{}")], mayPassLater: { _ in true })
            for _ in 0..<7 {
                let next = try #require(dead.list()[0].nextAttempt)
                waits.append(Double((next - clock.now()).microseconds) / 1e6)
                #expect(dead.due().isEmpty)
                clock.advance(by: next - clock.now())
                #expect(dead.due().map(\.number) == [0])
                try dead.markFailed([0])
            }
        }
        for (index, wait) in waits.enumerated() {
            let whole = 5.0 * Double(1 << index)
            #expect(wait <= whole && wait >= whole / 2, "attempt \(index): \(wait) s")
        }
        let dead = try open()
        #expect(dead.list()[0].state == .escalated)
        #expect(dead.list()[0].attempts == 8)
        #expect(dead.due().isEmpty)
        try dead.markReplayed([0])
        #expect(dead.list().isEmpty)
        #expect(dead.counts == [DeadLetterCount(source: "clicks", state: .replayed): 1])
        let error = try #require(throws: MartletError.self) { try dead.drop([0]) }
        #expect(error.code == .conflict)
    }
}
