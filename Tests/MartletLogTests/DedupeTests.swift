import MartletCore
import MartletTestSupport
import Testing

@testable import MartletLog

@Suite("Duplicates")
struct DedupeTests {
    private let folder = TemporaryFolder()

    private func open(_ settings: LogSettings = LogSettings()) throws -> EventLog {
        try EventLog(folder: "\(folder.path)/log", workspace: testWorkspace(), settings: settings)
    }

    @Test("an id that comes again is acknowledged and not stored, also in the same append and after opening")
    func ids() throws {
        var settings = LogSettings()
        settings.segmentBytes = 1_000
        do {
            let log = try open(settings)
            #expect(
                try log.store([batch(0..<10, ids: true), batch(5..<12, ids: true)])
                    == AppendReceipt(endOffset: 12, stored: 12, duplicates: 5))
            for start in 0..<20 { _ = try log.store([batch(100 + start..<101 + start, ids: true)]) }
        }
        for _ in 0..<2 {
            let log = try open(settings)
            #expect(
                try log.store([batch(3..<12, ids: true)]) == AppendReceipt(endOffset: 32, stored: 0, duplicates: 9))
            #expect(try log.payloads().count == 32)
            #expect(try log.payloads().prefix(12) == (0..<12).map { "payload of \($0)" }[...])
        }
    }

    @Test("two appends in flight with one id: one is stored, both are acknowledged by the same sync")
    func inFlight() throws {
        let log = try open()
        let outcomes = Locked<[AppendReceipt]>([])
        for _ in 0..<2 {
            log.append([batch(0..<4, ids: true)]) { result in
                if case .success(let receipt) = result { outcomes.withLock { $0.append(receipt) } }
            }
        }
        #expect(outcomes.withLock { $0 }.isEmpty)
        log.writeGroup()
        #expect(outcomes.withLock { $0 }.map(\.stored) == [4, 0])
        #expect(outcomes.withLock { $0 }.map(\.endOffset) == [4, 4])
        #expect(log.counts.groups == 1)
    }

    @Test("without an id nothing is a duplicate; another source's id is another id")
    func distinct() throws {
        let log = try open()
        _ = try log.store([batch(0..<4), batch(0..<4)])
        _ = try log.store([batch(0..<4, ids: true), batch(0..<4, source: "views", ids: true)])
        #expect(log.endOffset == 16)
    }

    @Test("an update or a delete is a duplicate only where everything of it is equal")
    func operations() throws {
        let log = try open()
        var update = batch(0..<1, ids: true)
        update.operations = [.update]
        var delete = update
        delete.operations = [.delete]
        var later = update
        later.arrivalTimes[0] += 1
        let receipts = try [batch(0..<1, ids: true), update, delete, later, update, delete].map { try log.store([$0]) }
        #expect(receipts.map(\.stored) == [1, 1, 1, 1, 0, 0])
    }

    @Test("the key of an append makes it one append, also after opening; its position is stored all the same")
    func idempotencyKeys() throws {
        let position = SourcePosition(stream: "s", bytes: [7])
        do {
            let log = try open()
            #expect(try log.store([batch(0..<3), batch(3..<5)], key: "request-1").stored == 5)
            #expect(
                try log.store([batch(0..<3), batch(3..<5)], key: "request-1")
                    == AppendReceipt(endOffset: 5, stored: 0, duplicates: 5))
            _ = try log.store([batch(0..<2, ids: true)])
            #expect(try log.store([batch(0..<2, ids: true, position: position)]).stored == 0)
        }
        let log = try open()
        #expect(log.position(of: "s") == position)
        #expect(try log.store([batch(0..<3), batch(3..<5)], key: "request-1").stored == 0)
        #expect(log.endOffset == 7)
    }

    @Test("the window forgets behind its horizon, is exact before that, and errs at most at its rate in filters")
    func window() {
        var settings = DedupeSettings()
        settings.horizon = .hours(8)
        settings.exactFor = .hours(2)
        settings.falsePositiveRate = 1e-3
        var window = DedupeWindow(settings)
        var random = SeededRandom(seed: 42)
        let hour: Int64 = 3_600_000_000
        var marks: [[EventMark]] = []
        for step in 0..<8 {
            let some = (0..<20_000).map { _ in EventMark(high: random.next(), low: random.next() | 1) }
            var isNew = 0
            for mark in some { isNew += window.insert(mark, at: Int64(step) * hour) ? 1 : 0 }
            // Of older filters a few may be taken for known.
            #expect(isNew >= 20_000 - 60, "step \(step)")
            window.tidy(now: Int64(step) * hour, steps: 1_000)
            marks.append(some)
        }
        #expect(window.filteredCount > 60_000)
        for mark in marks.joined() where !window.contains(mark) { Issue.record("a mark was lost") }
        var mistaken = 0
        for _ in 0..<100_000 where window.contains(EventMark(high: random.next(), low: random.next() | 1)) {
            mistaken += 1
        }
        #expect(mistaken <= 60, "5 of 32 generations at 1e-3 in all: 16 of 100,000 and what chance adds, seed 42")
        window.tidy(now: 12 * hour, steps: 1_000)
        #expect(window.count < 90_000)
        #expect(window.contains(marks[7][0]))
    }

    @Test("the memory of the window is bounded: the oldest is forgotten and counted")
    func memory() {
        var settings = DedupeSettings()
        settings.memoryBytes = 200_000
        settings.horizon = .hours(8)
        var window = DedupeWindow(settings)
        var random = SeededRandom(seed: 1)
        for step in 0..<50_000 {
            let time = Int64(step) * 500_000
            _ = window.insert(EventMark(high: random.next(), low: random.next() | 1), at: time)
            if step % 100 == 0 { window.tidy(now: time, steps: 64) }
        }
        #expect(window.forgotten > 0)
        #expect(window.sizeBytes < 400_000)
    }
}
