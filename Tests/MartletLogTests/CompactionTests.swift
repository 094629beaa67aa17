import MartletCore
import MartletLog
import MartletTestSupport
import Testing

@Suite("Compaction by key")
struct CompactionTests {
    private let folder = TemporaryFolder()
    private let clock = SimulatedClock(Timestamp(year: 2026, month: 1, day: 1))

    /// The key of an event is the number in its payload modulo 4.
    private struct Keys: CompactionKeys {
        let sources: Set<String> = ["clicks"]
        func keys(_ batch: LoggedBatch) throws(MartletError) -> [[UInt8]?] {
            (0..<batch.events.count).map { row in
                Int(batch.events.payloads[row].split(separator: " ")[2]).map { [UInt8($0 % 4)] }
            }
        }
    }

    private func open() throws -> EventLog {
        var settings = LogSettings()
        settings.segmentBytes = 600
        return try EventLog(
            folder: "\(folder.path)/log", workspace: testWorkspace(), time: clock, settings: settings)
    }

    @Test("the newest event of each key stays behind the horizon, offsets and duplicates are what they were")
    func newest() throws {
        let log = try open()
        for number in 0..<40 {
            _ = try log.store([batch(number..<number + 1, source: number % 10 == 9 ? "views" : "clicks", ids: true)])
        }
        clock.advance(by: .hours(2))
        let before = log.sizeBytes
        var reader = log.reader(from: 0)
        _ = try reader.next(maximumBytes: 1)
        let report = try log.compact(Keys(), age: .hours(1))
        #expect(report.removedEvents > 15 && report.segments > 3)
        #expect(log.sizeBytes == before - report.freedBytes)
        // Who stood in a segment that was written anew goes on behind its last event.
        var offsets: [Int64] = []
        while true {
            let batches = try reader.next(maximumBytes: 1)
            if batches.isEmpty { break }
            offsets += batches.flatMap(\.offsets)
        }
        #expect(reader.offset == 40)
        let found = try offsetsAndPayloads(log)
        #expect(offsets == found.map(\.0).filter { $0 > 0 })
        for (offset, payload) in found { #expect(payload == "payload of \(offset)") }
        let kept = Set(found.map(\.0))
        #expect(kept.isSuperset(of: [9, 19, 29, 39]), "other sources stay")
        for key in Int64(0)..<4 {
            let last = try #require((0..<40).last { $0 % 4 == key && $0 % 10 != 9 })
            #expect(kept.contains(last))
        }
        #expect(try log.compact(Keys(), age: .hours(1)).removedEvents == 0)
        try check(log, found)
    }

    private func check(_ log: EventLog, _ found: [(Int64, String)]) throws {
        log.close()
        let again = try EventLog.reading(folder: "\(folder.path)/log", workspace: testWorkspace())
        #expect(try offsetsAndPayloads(again).map(\.0) == found.map(\.0))
        #expect(again.endOffset == 40)
    }

    @Test("what a consumer has not committed is left alone, and what is young")
    func consumers() throws {
        let log = try open()
        for number in 0..<40 { _ = try log.store([batch(number..<number + 1)]) }
        #expect(try log.compact(Keys(), age: .hours(1)) == CompactionReport())
        clock.advance(by: .hours(2))
        try log.commit("slow", offset: 0)
        #expect(try log.compact(Keys(), age: .hours(1)) == CompactionReport())
        try log.commit("slow", offset: 40)
        #expect(try log.compact(Keys(), age: .hours(1)).removedEvents > 15)
    }

    @Test("events that were taken out are duplicates still when they come again, also after opening")
    func duplicates() throws {
        do {
            let log = try open()
            for number in 0..<40 { _ = try log.store([batch(number..<number + 1, ids: true)]) }
            clock.advance(by: .hours(2))
            #expect(try log.compact(Keys(), age: .hours(1)).removedEvents > 15)
        }
        let log = try open()
        #expect(try log.store([batch(0..<40, ids: true)]).duplicates == 40)
        #expect(log.endOffset == 40)
    }

    private func offsetsAndPayloads(_ log: EventLog) throws -> [(Int64, String)] {
        var reader = log.reader(from: 0)
        var found: [(Int64, String)] = []
        while true {
            let batches = try reader.next(maximumBytes: 1 << 20)
            if batches.isEmpty { return found }
            for batch in batches {
                found += (0..<batch.events.count).map { (batch.offsets[$0], batch.events.payloads[$0]) }
            }
        }
    }
}
