import MartletCore
import MartletOnline
import MartletPlatform
import Testing

@Suite("What follows the log, compared with the log")
struct StreamVerificationTests {
    @Test(
        "is equal in every aggregator, after late, early, repeated, changed and deleted events",
        arguments: [false, true])
    func equal(changes: Bool) async throws {
        let seed = UInt64.random(in: 0...UInt64(UInt32.max))
        print("seed \(seed), with updates and deletes: \(changes)")
        let work = try StreamWorkload(seed: seed)
        for round in 0..<5 {
            let live = LiveEvents(work.workspace)
            var end: Int64 = 0
            for _ in 0..<3 {
                let report = try await work.push(work.lines(120, changes: changes), to: live)
                end = report.endOffset
                try await live.counted(upTo: end)
                work.clock.advance(by: .minutes(7))
            }
            if round == 2 { try live.land(upTo: end) }
            live.stop()
            // What comes now is in the log alone, and no view has counted it yet.
            try await work.push(
                work.lines(60, changes: changes), to: LiveEvents(work.workspace, isRunning: false))
            let report = try work.workspace.verifyStreams(samples: 400, seed: seed)
            #expect(report.views.map(\.name) == ["activity", "kinds", "newest", "sums"])
            #expect(report.views.allSatisfy { $0.events > 0 && $0.values >= $0.entities * 10 })
            #expect(report.differences.map(\.description) == [], "seed \(seed), round \(round)")
            #expect(report.isEqual && !report.isLive)
        }
        #expect(work.sent.duplicates > 0 && (work.sent.deletes > 0) == changes)
    }

    @Test("differs where a record is not what its events make")
    func corrupted() async throws {
        let work = try StreamWorkload(seed: 7)
        let live = LiveEvents(work.workspace)
        let report = try await work.push(work.lines(500, changes: false), to: live)
        try await live.counted(upTo: report.endOffset)
        live.stop()
        #expect(try work.workspace.verifyStreams(samples: 1_000).isEqual)

        // The tiles of one card under the name of another, with a checksum that holds.
        let store = try work.workspace.onlineStore()
        let view = try #require(try work.workspace.servingCatalog().views["activity"])
        let handle = try store.handle(for: view.identity)
        let target = try EntityKeys([Column(.int64([5]))], keys: view.keys)
        // The store keeps the newer of two: one of the others is newer.
        let isReplaced = try (Int64(1)...40).contains { card in
            let from = try EntityKeys([Column(.int64([card]))], keys: view.keys)
            var record: [UInt8] = []
            var table = RecordTable()
            try store.read([RecordLookup(view: handle, keyIndex: 0)], keys: [from], into: &table) { table in
                record = table.record(lookup: 0, key: 0).map { Array($0) } ?? []
            }
            if card == 5 || record.isEmpty { return false }
            let chunk = RecordChunk(records: [record])
            return try store.write(chunk, keys: target, order: [0], to: handle, cursor: nil).written == 1
        }
        #expect(isReplaced)

        let found = try work.workspace.verifyStreams(["activity"], samples: 1_000)
        #expect(!found.isEqual)
        #expect(found.differences.allSatisfy { $0.entity == "card=5" && $0.cause.contains("its record counts those") })
        #expect(try work.workspace.verifyStreams(["newest"], samples: 1_000).isEqual)
    }

    @Test("is the same after a window of the log was replayed three times, and served the same")
    func replayed() async throws {
        let seed = UInt64.random(in: 0...UInt64(UInt32.max))
        print("seed \(seed)")
        let work = try StreamWorkload(seed: seed)
        var live = LiveEvents(work.workspace)
        var end: Int64 = 0
        for _ in 0..<4 {
            end = try await work.push(work.lines(150, changes: false), to: live).endOffset
            try await live.counted(upTo: end)
            work.clock.advance(by: .minutes(31))
        }
        // All that waited for its moment is counted.
        work.clock.advance(by: .hours(1))
        try work.waitUntilNoneWaits(live)
        live.stop()
        let names = ["activity", "kinds", "newest", "sums"]
        let before = try names.map { try work.stateHash($0) }
        let store = try work.workspace.onlineStore()
        let views = try work.workspace.servingCatalog().views
        for time in 1...3 {
            for name in names {
                let identity = try #require(views[name]).identity
                var cursor = try #require(try store.cursor(of: identity))
                #expect(cursor.input == "log@\(end)")
                cursor.input = "log@\(end / 4)"
                try store.setCursor(cursor, of: identity)
            }
            live = LiveEvents(work.workspace)
            try await live.counted(upTo: end)
            let replayed = try work.views(live).map { $0.replayed ?? 0 }
            live.stop()
            #expect(replayed.filter { $0 > 100 }.count >= 3, "\(replayed)")
            #expect(try names.map { try work.stateHash($0) } == before, "seed \(seed), time \(time)")
        }
        #expect(try work.workspace.verifyStreams(samples: 400, seed: seed).isEqual)
    }

    @Test("serves the same bits whatever the order in which events arrive")
    func reordered() async throws {
        let seed = UInt64.random(in: 0...UInt64(UInt32.max))
        print("seed \(seed)")
        var answers: Set<String> = []
        for order in 0..<3 {
            let work = try StreamWorkload(seed: seed)
            var lines = work.lines(600, changes: false).split(separator: "\n").map(String.init)
            // The first of those with one id is the one that counts.
            var ids: Set<Substring> = []
            lines = lines.filter { ids.insert($0.split(separator: ",")[1]).inserted }
            if order == 1 { lines.reverse() }
            var random = SeededRandom(seed: seed, stream: UInt64(order))
            if order == 2 { lines.shuffle(using: &random) }
            // In pieces, with time going by between them: less than what any event is early or late.
            let live = LiveEvents(work.workspace)
            for first in stride(from: 0, to: lines.count, by: 100) {
                let part = lines[first..<min(lines.count, first + 100)].joined(separator: "\n")
                let report = try await work.push(part, to: live)
                try await live.counted(upTo: report.endOffset)
                work.clock.advance(by: .seconds(10))
            }
            work.clock.advance(by: .hours(2))
            try work.waitUntilNoneWaits(live)
            live.stop()
            // Records say up to when they are complete, which the order decides; what they serve must not differ.
            let view = try #require(try work.workspace.servingCatalog().views["sums"])
            let cards = [Column(.int64(Array(0..<StreamWorkload.cards)))]
            let answer = try work.workspace.onlineStore().read(view, keys: cards, at: work.clock.now())
            answers.insert("\(answer.columns)")
            #expect(try work.workspace.verifyStreams(["sums", "activity"], samples: 200, seed: seed).isEqual)
        }
        #expect(answers.count == 1, "seed \(seed)")
    }

    @Test("is told with what a stopped workspace has come to")
    func status() async throws {
        let work = try StreamWorkload(seed: 3)
        let live = LiveEvents(work.workspace)
        let future = work.clock.now() + .days(2)
        let report = try await work.push(
            work.lines(50, changes: false) + #"{"id":900,"card":1,"at":"\#(future)"}"# + "\n"
                + #"{"id":901,"card":"x","at":"\#(work.clock.now())"}"#, to: live)
        try await live.counted(upTo: report.endOffset)
        let running = try work.status(live)
        #expect(running.isServed && running.endOffset == report.endOffset)
        #expect(running.storedEvents == report.accepted && running.duplicateEvents == report.duplicates)
        #expect(running.views.map(\.offset) == Array(repeating: report.endOffset, count: 4))
        #expect(running.freshness.count == report.accepted)
        live.stop()
        work.clock.advance(by: .minutes(5))
        let status = try work.workspace.status()
        #expect(!status.isServed && status.endOffset == report.endOffset && status.views.count == 4)
        #expect(status.views.allSatisfy { $0.offset == report.endOffset && $0.checkpointAgeSeconds == 300 })
        #expect(status.futureEvents == 1)
        #expect(status.deadLetters.map(\.count) == [2] && status.deadLetters.map(\.state) == ["waiting"])
    }

    @Test("counts every event once when the log is read again in more than one piece, with changes in it")
    func readAgain() async throws {
        let work = try StreamWorkload(seed: 11)
        let (now, text) = (work.clock.now(), String(repeating: "x", count: 4_000))
        func trade(_ id: Int, _ card: Int, at: Timestamp, _ operation: String = "insert") -> String {
            #"{"_op":"\#(operation)","id":\#(id),"card":\#(card),"amount":\#(id),"shop":"\#(text)","at":"\#(at)"}"#
                + "\n"
        }
        // The first two wait for their moment, so that the log is read again from them on; the second is taken back.
        var parts = [trade(0, 1, at: now + .minutes(50)) + trade(1, 1, at: now + .minutes(40))]
        // Changes in the first piece, and events of the same cards in the later ones.
        parts[0] += trade(2, 1, at: now - .minutes(3)) + trade(2, 2, at: now - .minutes(2), "update")
        parts[0] += #"{"_op":"delete","id":1}"# + "\n"
        for part in 0..<3 {
            var lines = ""
            for index in 0..<250 {
                lines += trade(100 + part * 250 + index, index % 5, at: now - .seconds(Int64(index)))
            }
            parts.append(lines)
        }
        let live = LiveEvents(work.workspace)
        for part in parts {
            let end = try await work.push(part, to: live).endOffset
            try await live.counted(upTo: end)
        }
        live.stop()
        for round in 0..<3 {
            // Read again, and stored.
            let again = LiveEvents(work.workspace)
            try await again.counted(upTo: 755)
            if round == 2 {
                work.clock.advance(by: .hours(1))
                try work.waitUntilNoneWaits(again)
            }
            again.stop()
            let report = try work.workspace.verifyStreams(samples: 300)
            #expect(report.differences.map(\.description) == [], "round \(round)")
        }
    }

    @Test("takes back what was counted before it was landed")
    func takenBackEarly() async throws {
        let work = try StreamWorkload(seed: 12)
        let live = LiveEvents(work.workspace)
        let at = work.clock.now() - .minutes(5)
        func trade(_ id: Int, _ card: Int, _ operation: String) -> String {
            #"{"_op":"\#(operation)","id":\#(id),"card":\#(card),"amount":\#(id),"shop":"a","at":"\#(at)"}"#
        }
        let pushes = [
            trade(1, 1, "insert") + "\n" + trade(2, 1, "insert"), trade(3, 2, "insert"),
            #"{"_op":"delete","id":2}"# + "\n" + trade(1, 3, "update"), trade(4, 4, "update"),
        ]
        for lines in pushes { try await live.counted(upTo: work.push(lines, to: live).endOffset) }
        live.stop()
        let report = try work.workspace.verifyStreams(samples: 100)
        #expect(report.differences.map(\.description) == [])
        #expect(report.views.filter { $0.name == "sums" }.map(\.events) == [3])
    }

    @Test("is refused for views that do not follow the log")
    func refused() throws {
        let test = try TestRepository(
            clicks + "features: spending\nentity: user\nsource: clicks\nlatest: {last: amount}\n")
        let error = #expect(throws: MartletError.self) { _ = try test.workspace.verifyStreams() }
        #expect(error?.code == .notFound)
    }
}

extension Mismatch {
    fileprivate var description: String { "\(feature) of \(entity) at \(time): \(online), \(offline); \(cause)" }
}
