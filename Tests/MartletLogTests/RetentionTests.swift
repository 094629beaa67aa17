import MartletCore
import MartletLog
import MartletTestSupport
import Testing

@Suite("Retention and times")
struct RetentionTests {
    private let folder = TemporaryFolder()

    private func filled(_ clock: SimulatedClock) throws -> EventLog {
        var settings = LogSettings()
        settings.segmentBytes = 1_000
        settings.indexBytes = 300
        let log = try EventLog(
            folder: "\(folder.path)/log", workspace: testWorkspace(), time: clock, settings: settings)
        for start in stride(from: log.endOffset, to: 100, by: 2) {
            _ = try log.store([batch(Int(start)..<Int(start) + 2, position: SourcePosition(stream: "s", bytes: [1]))])
            clock.advance(by: .minutes(1))
        }
        return log
    }

    @Test("whole segments go by age or size, never what a consumer has still to read")
    func removing() throws {
        let clock = SimulatedClock(Timestamp(year: 2026, month: 1, day: 1))
        let log = try filled(clock)
        try log.commit("lander", offset: 10)
        try log.retain(age: .minutes(10))
        #expect(log.startOffset > 0 && log.startOffset <= 10)
        try log.commit("lander", offset: 100)
        try log.retain(age: .minutes(10))
        #expect((70...80).contains(log.startOffset))
        let error = try #require(throws: MartletError.self) { try log.payloads(from: 0) }
        #expect(error.code == .notFound)
        try log.commit("lander", offset: 0)
        try log.retain(sizeBytes: 0, ignoringConsumers: true)
        #expect(log.startOffset >= 90)
        #expect(log.endOffset == 100)
        log.close()
    }

    @Test("a log whose start is gone opens with its positions")
    func reopening() throws {
        let clock = SimulatedClock(Timestamp(year: 2026, month: 1, day: 1))
        do { try filled(clock).retain(sizeBytes: 0) }
        let log = try filled(clock)
        #expect(log.startOffset >= 90)
        #expect(log.position(of: "s")?.bytes == [1])
        #expect(try log.payloads(from: log.startOffset).last == "payload of 99")
    }

    @Test("the offset at a time is that of the first event at or after it", arguments: [0, 1, 33, 34, 99])
    func times(number: Int64) throws {
        let log = try filled(SimulatedClock(Timestamp(year: 2026, month: 1, day: 1)))
        #expect(try log.offset(at: Timestamp(microseconds: number * 1_000)) == number)
        #expect(try log.offset(at: Timestamp(microseconds: number * 1_000 - 1)) == number)
        #expect(try log.offset(at: Timestamp(microseconds: 99_001)) == 100)
    }
}
