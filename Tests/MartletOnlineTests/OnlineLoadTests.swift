import MartletCore
import MartletOnline
import Synchronization
import Testing

@Suite("A load")
struct OnlineLoadTests {
    private let view = simpleView()
    private let count = 1_000

    private func values(_ range: Range<Int64>) -> LatestValues {
        simpleValues(range.reversed().map { (id: $0, x: $0 * 10, event: 5) })
    }

    private func begin(
        _ store: any OnlineStore, input: String = "a", upTo: Int64 = 9, isRestarted: Bool = false,
        progress: any ProgressReporter = SilentProgress(), cancellation: Cancellation = Cancellation()
    ) throws -> OnlineLoad {
        try OnlineLoad(
            LoadIdentity(view: view.identity, upTo: Timestamp(microseconds: upTo), input: input), of: view, into: store,
            chunkRows: 100, isRestarted: isRestarted, progress: progress, cancellation: cancellation)
    }

    @Test("repeated, changes nothing")
    func repetition() throws {
        try withStore { store in
            for input in ["a", "b"] {
                var load = try begin(store, input: input)
                try load.write(values(0..<500))
                try load.write(values(500..<1_000))
                let counts = try load.finish()
                #expect(counts.written == (input == "a" ? 1_000 : 0))
                #expect(counts.unchanged == (input == "a" ? 0 : 1_000))
            }
            var complete = try begin(store, input: "b")
            try complete.write(values(0..<500))
            try complete.write(values(500..<1_000))
            #expect(try complete.finish().resumed == 1_000)
            var restarted = try begin(store, input: "b", isRestarted: true)
            try restarted.write(values(0..<500))
            #expect(try restarted.finish().unchanged == 500)
        }
    }

    @Test("interrupted at any chunk, goes on where it was", arguments: [1, 4, 5, 6, 9])
    func resumption(chunks: Int) throws {
        try withStore { store in
            do {
                let canceller = Canceller(after: chunks)
                var load = try begin(store, progress: canceller, cancellation: canceller.cancellation)
                try load.write(values(0..<500))
                try load.write(values(500..<1_000))
                _ = try load.finish()
                Issue.record("the load was not cancelled")
            } catch {
                #expect((error as? MartletError)?.code == .cancelled)
            }
            #expect(try store.recordCount(of: view.identity) == chunks * 100)
            let cursor = try store.cursor(of: view.identity)
            #expect(cursor?.rows == chunks * 100)
            #expect(cursor?.isComplete == false)
            var load = try begin(store)
            try load.write(values(0..<500))
            try load.write(values(500..<1_000))
            let counts = try load.finish()
            #expect(counts.resumed == chunks * 100)
            #expect(counts.written == count - chunks * 100)
            #expect(try store.recordCount(of: view.identity) == count)
            #expect(try store.cursor(of: view.identity)?.isComplete == true)
        }
    }

    @Test(
        "of another input, or up to another time, begins anew", arguments: [("b", 9), ("a", 10)] as [(String, Int64)])
    func otherIdentity(input: String, upTo: Int64) throws {
        try withStore { store in
            var first = try begin(store)
            try first.write(values(0..<500))
            _ = try first.finish()
            var second = try begin(store, input: input, upTo: upTo)
            try second.write(values(0..<500))
            let counts = try second.finish()
            #expect(counts.resumed == 0)
            #expect(counts.unchanged == 500)
        }
    }

    @Test("never holds up a read, which sees whole chunks")
    func readsDuringLoad() throws {
        try withStore { store in
            let reader = Reader(store, view)
            var load = try begin(store, progress: reader)
            try load.write(values(0..<1_000))
            _ = try load.finish()
            #expect(reader.found.withLock { $0 } == Array(stride(from: 100, through: 1_000, by: 100)))
        }
    }

    @Test("counts rows with null keys and stores none")
    func nullKeys() throws {
        try withStore { store in
            var values = simpleValues([(1, 10, 5), (2, 20, 5)])
            values.keys = [Column(.int64([1, 2]), validity: Bitmap([false, true]))]
            let counts = try load(values, into: view, store)
            #expect(counts.nullKeys == 1)
            #expect(counts.written == 1)
        }
    }

    @Test("of nothing is complete")
    func empty() throws {
        try withStore { store in
            let counts = try load(simpleValues([]), into: view, store)
            let cursor = try store.cursor(of: view.identity)
            #expect(counts == WriteCounts())
            #expect(cursor?.isComplete == true)
        }
    }

    @Test("its cursor survives encoding, and a damaged one is refused")
    func cursorEncoding() throws {
        let cursor = LoadCursor(
            upTo: Timestamp(microseconds: -7), input: "silver.\"payments\"@12", part: 3, lastKey: [0, 255, 16], rows: 99
        )
        #expect(try LoadCursor(decoding: cursor.encoded) == cursor)
        #expect(code { _ = try LoadCursor(decoding: Array(cursor.encoded.dropLast())) } == .corruptData)
        #expect(code { _ = try LoadCursor(decoding: Array("{}".utf8)) } == .corruptData)
    }
}

/// Cancels the load that reports after so many chunks.
private final class Canceller: ProgressReporter {
    let cancellation = Cancellation()
    private let left: Mutex<Int>
    init(after chunks: Int) { left = Mutex(chunks) }

    func report(_ step: String, done: Int, total: Int?) {
        let isLast = left.withLock { left in
            left -= 1
            return left == 0
        }
        if isLast { cancellation.cancel() }
    }
}

/// Reads all keys after each chunk.
private final class Reader: ProgressReporter {
    let found = Mutex<[Int]>([])
    private let store: LMDBOnlineStore
    private let view: OnlineView

    init(_ store: LMDBOnlineStore, _ view: OnlineView) {
        self.store = store
        self.view = view
    }

    func report(_ step: String, done: Int, total: Int?) {
        let keys = [Column(.int64((0..<1_000).map { Int64($0) }))]
        let answer = try? store.read(view, keys: keys, at: Timestamp(microseconds: 10))
        found.withLock { $0.append(answer?.statuses[0].count { $0 == .present } ?? -1) }
    }
}
