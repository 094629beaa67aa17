import MartletCore
import MartletObjects
import MartletQuery
import MartletTables
import MartletTestSupport
import Synchronization

/// A clock that goes on by a second whenever it is read.
final class SteppingTime: TimeSource {
    private let current: Mutex<Timestamp>
    init(_ start: Timestamp = Timestamp(year: 2026, month: 5, day: 1)) { current = Mutex(start) }

    func now() -> Timestamp {
        current.withLock {
            $0 = $0 + .seconds(1)
            return $0
        }
    }

    func set(_ time: Timestamp) { current.withLock { $0 = time } }
    func monotonicNanoseconds() -> UInt64 { UInt64(bitPattern: now().microseconds) }
}

/// Tables in a temporary folder.
struct TestWorkspace {
    let folder = TemporaryFolder()
    let faults = FileFaults()
    let time = SteppingTime()
    let engine: QueryEngine
    let tables: Tables
    let store: LocalObjectStore
    let workspace: WorkspaceID

    init() throws {
        engine = try QueryEngine(QuerySettings(threads: 2, memoryLimitBytes: 512 << 20))
        store = try LocalObjectStore(url: "file:\(folder.path)", faults: faults)
        tables = Tables(store: store, engine: engine, time: time)
        guard let tenant = TenantID("acme"), let workspace = WorkspaceID(tenant: tenant, name: "main") else {
            throw MartletError(.internalFault, "these are identifiers")
        }
        self.workspace = workspace
    }

    /// Another process's view: nothing remembered.
    func table(_ name: String) throws -> DeltaTable {
        try tables.table(TableName(parsing: name), in: workspace)
    }

    func rows(_ table: DeltaTable, _ snapshot: Snapshot? = nil, columns: [String]? = nil) throws -> RecordBatch {
        try engine.connect().query(try table.scanSQL(snapshot ?? table.snapshot(), columns: columns))
    }

    func values(_ table: DeltaTable, _ column: String, _ snapshot: Snapshot? = nil) throws -> [Value] {
        let batch = try rows(table, snapshot, columns: [column])
        return (0..<batch.rowCount).map { batch.columns[0][$0] }
    }

    /// The key of a file in a table's log.
    func logKey(_ table: String, _ name: String) -> String { "acme/main/\(table)/_delta_log/\(name)" }
}

func errorCode(_ body: () throws -> Void) -> MartletError.Code? {
    do {
        try body()
        return nil
    } catch { return (error as? MartletError)?.code }
}

func error(_ body: () throws -> Void) -> MartletError? {
    do {
        try body()
        return nil
    } catch { return error as? MartletError }
}

func integers(_ values: [Int64]) -> Column { Column(.int64(values)) }
func texts(_ values: [String]) -> Column { Column(.string(ByteStrings(values))) }
