import Dispatch
import MartletCore
import MartletLog
import MartletTestSupport
import Testing

@Suite("The event log")
struct EventLogTests {
    private let folder = TemporaryFolder()

    private func open(_ settings: LogSettings = LogSettings()) throws -> EventLog {
        try EventLog(folder: "\(folder.path)/log", workspace: testWorkspace(), settings: settings)
    }

    @Test("what is appended is read back whole, with dense offsets, and again after opening")
    func roundTrip() throws {
        let first = batch(0..<3, ids: true, position: SourcePosition(stream: "topic/0", bytes: [1, 2, 3]))
        let second = batch(3..<10, source: "views")
        do {
            let log = try open()
            #expect(try log.store([first, second]) == AppendReceipt(endOffset: 10, stored: 10, duplicates: 0))
        }
        let log = try open()
        #expect(log.endOffset == 10)
        #expect(log.position(of: "topic/0") == SourcePosition(stream: "topic/0", bytes: [1, 2, 3]))
        #expect(log.position(of: "topic/1") == nil)
        var reader = log.reader(from: 0)
        let read = try reader.next(maximumBytes: 1 << 20)
        #expect(read.map(\.events) == [first, second])
        #expect(read.map(\.offsets) == [[0, 1, 2], [3, 4, 5, 6, 7, 8, 9]])
        #expect(read.map(\.endOffset) == [3, 10])
        #expect(try reader.next(maximumBytes: 1 << 20).isEmpty)
        #expect(log.recovery.cutBytes == 0)
    }

    @Test("reading begins at any offset, also within a batch, and gives at least one batch")
    func offsets() throws {
        var settings = LogSettings()
        settings.segmentBytes = 2_000
        settings.indexBytes = 300
        let log = try open(settings)
        for start in stride(from: 0, to: 200, by: 7) { _ = try log.store([batch(start..<start + 7)]) }
        #expect(log.endOffset == 203)
        for offset in [0, 1, 6, 7, 100, 202] {
            #expect(
                try log.payloads(from: Int64(offset), maximumBytes: 1) == (offset..<203).map { "payload of \($0)" })
        }
        #expect(try log.payloads(from: 203).isEmpty)
        let again = log.recovery.segments
        #expect(again == 1)
    }

    @Test("many segments are opened by their indexes, and without them")
    func segments() throws {
        var settings = LogSettings()
        settings.segmentBytes = 2_000
        do {
            let log = try open(settings)
            for start in 0..<100 {
                _ = try log.store([
                    batch(start..<start + 1, position: SourcePosition(stream: "s", bytes: [UInt8(start)]))
                ])
            }
        }
        for damage in [false, true] {
            if damage {
                for name in try SystemDisk().list("\(folder.path)/log") where name.hasSuffix(".index") {
                    folder.write("nonsense", to: "log/\(name)")
                }
            }
            let log = try open(settings)
            #expect(log.recovery.segments > 5)
            #expect(try log.payloads() == (0..<100).map { "payload of \($0)" })
            #expect(log.position(of: "s")?.bytes == [99])
        }
    }

    @Test("only one process owns a log, and only its own workspace's")
    func ownership() throws {
        let log = try open()
        #expect(throws: MartletError.self) { try open() }
        _ = try log.store([batch(0..<1)])
        log.close()
        let error = try #require(throws: MartletError.self) {
            try EventLog(folder: "\(folder.path)/log", workspace: testWorkspace("other"))
        }
        #expect(error.code == .conflict)
    }

    @Test("threads append at once, are acknowledged after one sync for many, and nothing is lost")
    func threads() throws {
        let log = try open()
        log.start()
        let group = DispatchGroup()
        let ends = Locked<[Int64]>([])
        for thread in 0..<8 {
            startThread(group: group) {
                for step in 0..<50 {
                    let done = DispatchSemaphore(value: 0)
                    let start = thread * 1_000 + step * 3
                    log.append([batch(start..<start + 3)]) { result in
                        if case .success(let receipt) = result { ends.withLock { $0.append(receipt.endOffset) } }
                        done.signal()
                    }
                    done.wait()
                }
            }
        }
        group.wait()
        log.close()
        #expect(Set(ends.withLock { $0 }) == Set(stride(from: Int64(3), through: 1_200, by: 3)))
        #expect(log.counts.groups < 400)
        #expect(Set(try log.payloads()).count == 1_200)
    }

    @Test("a reader that waits is wakened by the next event")
    func following() async throws {
        let log = try open()
        log.start()
        let group = DispatchGroup()
        let seen = Locked<Bool?>(nil)
        startThread(group: group) {
            let isReadable = log.waitUntilReadable(0, for: .seconds(30))
            seen.withLock { $0 = isReadable }
        }
        async let second: Void = log.readable(1)
        log.append([batch(0..<1)]) { _ in }
        log.append([batch(1..<2)]) { _ in }
        await second
        #expect(log.endOffset >= 2)
        group.wait()
        #expect(seen.withLock { $0 } == true)
        #expect(!log.waitUntilReadable(5, for: TimeSpan(microseconds: 1_000)))
        log.close()
    }

    @Test("committed offsets outlive the process and are bounded by the log")
    func consumers() throws {
        do {
            let log = try open()
            _ = try log.store([batch(0..<5)])
            try log.commit("lander", offset: 3)
            try log.commit("tiles", offset: 5)
            try log.commit("gone", offset: 1)
            try log.removeConsumer("gone")
            let error = try #require(throws: MartletError.self) { try log.commit("lander", offset: 6) }
            #expect(error.code == .limitExceeded)
            #expect(throws: MartletError.self) { try log.commit("../x", offset: 1) }
        }
        let log = try open()
        #expect(log.consumers == ["lander": 3, "tiles": 5])
    }

    @Test("what waits is bounded, and a closed log refuses")
    func limits() throws {
        var settings = LogSettings()
        settings.queueBytes = 2_000
        settings.appendEvents = 40
        let log = try open(settings)
        let codes = Locked<[String]>([])
        for _ in 0..<3 {
            log.append([batch(0..<20)]) { result in
                if case .failure(let error) = result { codes.withLock { $0.append(error.code.name) } }
            }
        }
        #expect(codes.withLock { $0 } == ["limit-exceeded"])
        log.writeGroup()
        #expect(log.queuedBytes == 0)
        let error = try #require(throws: MartletError.self) { try log.store([batch(0..<41)]) }
        #expect(error.code == .limitExceeded)
        log.close()
        #expect(throws: MartletError.self) { try log.store([batch(0..<1)]) }
        #expect(log.endOffset == 40)
    }
}
