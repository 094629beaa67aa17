import MartletCore
import MartletOnline
import Synchronization
import Testing

@Suite("A load into every online store", .serialized)
struct LoadTests {
    private func rows(_ range: Range<Int64>) -> LatestValues {
        values(range.reversed().map { Row(id: $0, x: $0 * 10, event: 5) })
    }

    private func begin(
        _ view: OnlineView, _ store: any OnlineStore, cancellation: Cancellation = Cancellation(),
        progress: any ProgressReporter = SilentProgress()
    ) throws -> OnlineLoad {
        try OnlineLoad(
            LoadIdentity(view: view.identity, upTo: Timestamp(microseconds: 9), input: "a"), of: view, into: store,
            chunkRows: 100, progress: progress, cancellation: cancellation)
    }

    @Test("interrupted, goes on where it was, and repeated changes nothing", arguments: Backend.allCases)
    func resumption(backend: Backend) throws {
        try backend.withStore { store, open in
            let view = simpleView()
            let canceller = Canceller(after: 6)
            var cancelled = try begin(view, store, cancellation: canceller.cancellation, progress: canceller)
            try cancelled.write(rows(0..<500))
            #expect(code { try cancelled.write(rows(500..<1_000)) } == .cancelled)
            #expect(try store.recordCount(of: view.identity) == 600)
            #expect(try store.cursor(of: view.identity)?.rows == 600)
            let again = try open()
            var load = try begin(view, again)
            try load.write(rows(0..<500))
            try load.write(rows(500..<1_000))
            let counts = try load.finish()
            #expect(counts.resumed == 600 && counts.written == 400)
            #expect(try again.cursor(of: view.identity)?.isComplete == true)
            #expect(try again.recordCount(of: view.identity) == 1_000)
            var repeated = try OnlineLoad(
                LoadIdentity(view: view.identity, upTo: Timestamp(microseconds: 9), input: "b"), of: view, into: again)
            try repeated.write(rows(0..<1_000))
            #expect(try repeated.finish().unchanged == 1_000)
        }
    }

    @Test("is read while it runs", arguments: Backend.allCases)
    func readsDuringLoad(backend: Backend) throws {
        try backend.withStore { store, _ in
            let view = simpleView()
            let reader = Reader(store, view)
            var load = try begin(view, store, progress: reader)
            try load.write(rows(0..<500))
            _ = try load.finish()
            #expect(reader.found.withLock { $0 } == [100, 200, 300, 400, 500])
        }
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
    private let store: any OnlineStore
    private let view: OnlineView

    init(_ store: any OnlineStore, _ view: OnlineView) {
        self.store = store
        self.view = view
    }

    func report(_ step: String, done: Int, total: Int?) {
        let keys = [Column(.int64((0..<500).map { Int64($0) }))]
        let answer = try? store.read(view, keys: keys, at: Timestamp(microseconds: 10))
        found.withLock { $0.append(answer?.statuses[0].count { $0 == .present } ?? -1) }
    }
}
