import Glibc
import MartletCore
import MartletKeyValue
import MartletOnline
import MartletTestSupport
import Testing

@Suite("A store whose process is killed", .serialized)
struct KilledStoreTests {
    /// 20 times; as often as `MARTLET_KILLS` says where it is set.
    private static var kills: Int { environmentVariable("MARTLET_KILLS").flatMap { Int($0) } ?? 20 }

    @Test("opens again, has every acknowledged write and no torn record, and the load goes on")
    func killed() async throws {
        var interrupted = 0
        var (pushesFound, rowsFound, rowsResumed) = (0, 0, 0)
        for seed in 0..<UInt64(Self.kills) {
            let folder = TemporaryFolder()
            await #expect(processExitsWith: .signal(SIGKILL), "seed \(seed)") {
                [path = folder.path as String, seed = seed as UInt64] in
                try writeUntilKilled(path, seed)
            }
            let acknowledged = folder.text(of: "acknowledged").split(separator: "\n").compactMap { Int64($0) }
            let store = try LMDBOnlineStore(path: folder.path, limits: EnvironmentLimits(mapSizeBytes: 1 << 28))
            let (loaded, pushed) = (simpleView(identity("loaded")), simpleView(identity("pushed")))
            let now = Timestamp(microseconds: 1_000_000)
            // A damaged record throws: each is checked against its checksum.
            let pushes = try store.read(pushed, keys: [Column(.int64(acknowledged))], at: now)
            for (row, id) in acknowledged.enumerated() {
                #expect(pushes.columns[0][row] == .int64(id * 7), "seed \(seed), push \(id)")
            }
            let ids = (0..<Int64(loadedRows)).map { $0 }
            let rows = try store.read(loaded, keys: [Column(.int64(ids))], at: now)
            let count = rows.statuses[0].count { $0 == .present }
            for id in ids where rows.statuses[0][Int(id)] == .present {
                #expect(rows.columns[0][Int(id)] == .int64(id * 3), "seed \(seed), row \(id)")
            }
            let cursor = try store.cursor(of: loaded.identity)
            #expect(count == cursor?.rows ?? 0, "seed \(seed)")
            if count < loadedRows { interrupted += 1 }
            let counts = try loadRows(into: loaded, store)
            pushesFound += acknowledged.count
            rowsFound += count
            rowsResumed += counts.resumed
            #expect(counts.resumed == count && counts.written == loadedRows - count, "seed \(seed)")
        }
        #expect(interrupted > 0 && pushesFound > 0)
        print(
            "killed \(Self.kills) times, \(interrupted) of them within a load: the store opened each time,"
                + " all \(pushesFound) acknowledged pushes and \(rowsFound) loaded rows were there and whole,"
                + " loads went on behind \(rowsResumed) rows")
    }
}

private let loadedRows = 5_000

private func loadRows(into view: OnlineView, _ store: any OnlineStore) throws -> WriteCounts {
    var load = try OnlineLoad(
        LoadIdentity(view: view.identity, upTo: .epoch, input: "a"), of: view, into: store, chunkRows: 100)
    try load.write(simpleValues((0..<Int64(loadedRows)).map { ($0, $0 * 3, 5) }))
    return try load.finish()
}

/// Loads one view and pushes to another, and ends as `kill -9` ends a process, at a moment of chance.
private func writeUntilKilled(_ path: String, _ seed: UInt64) throws {
    let store = try LMDBOnlineStore(path: path, limits: EnvironmentLimits(mapSizeBytes: 1 << 28))
    let pushed = simpleView(identity("pushed"))
    var random = SeededRandom(seed: seed)
    let microseconds = UInt32(random.next() % 150_000)
    var thread = pthread_t()
    pthread_create(
        &thread, nil,
        { argument in
            usleep(UInt32(UInt(bitPattern: argument)))
            kill(getpid(), SIGKILL)
            return nil
        }, UnsafeMutableRawPointer(bitPattern: UInt(microseconds)))
    let file = open("\(path)/acknowledged", O_WRONLY | O_CREAT | O_APPEND, 0o644)
    let pusher = Pusher(store, pushed, file)
    var load = try OnlineLoad(
        LoadIdentity(view: identity("loaded"), upTo: .epoch, input: "a"), of: simpleView(identity("loaded")),
        into: store, chunkRows: 100, progress: pusher)
    try load.write(simpleValues((0..<Int64(loadedRows)).map { ($0, $0 * 3, 5) }))
    _ = try load.finish()
    while true { pusher.push() }
}

/// Pushes a row after each chunk of the load and notes it when it is acknowledged.
private final class Pusher: ProgressReporter, @unchecked Sendable {
    // @unchecked: the one thread that loads reports.
    private let store: LMDBOnlineStore
    private let view: OnlineView
    private let file: Int32
    private var next: Int64 = 0

    init(_ store: LMDBOnlineStore, _ view: OnlineView, _ file: Int32) {
        self.store = store
        self.view = view
        self.file = file
    }

    func report(_ step: String, done: Int, total: Int?) { push() }

    func push() {
        do {
            _ = try load(simpleValues([(next, next * 7, 5)]), into: view, store, input: "\(next)")
        } catch {
            fatalError("\(error)")
        }
        let line = "\(next)\n"
        write(file, line, line.utf8.count)
        next += 1
    }
}
