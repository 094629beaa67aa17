internal import CLMDB
internal import Glibc
internal import MartletCore
internal import Synchronization

/// One LMDB environment: a folder with a memory-mapped, copy-on-write B+ tree. Any number of readers see a snapshot
/// each and never wait; writers go one after another, over all processes.
///
/// Closures that hold a transaction are synchronous, so that nobody awaits with one open. Blocks on disk: call from a
/// thread that may block, except for reads of data that is in memory.
///
/// - Note: LMDB forbids a second handle on the same folder in one process; opening it twice throws `conflict`.
package final class Environment: @unchecked Sendable {
    // @unchecked: the handle is thread-safe (LMDB with MDB_NOTLS), the pool of readers is behind its mutex, and
    // closing happens in `deinit`, when nobody else holds a reference.
    let handle: OpaquePointer
    private let idleReaders: Mutex<[IdleReader]>
    private let pooledReaders: Int
    private let identity: String
    package let path: String
    package let limits: EnvironmentLimits

    /// Opens the environment in the folder `path`, which is created where it is absent, and frees the reader slots of
    /// processes that died.
    /// - Throws: `corruptData` for a foreign, damaged or truncated file, `fileSystem`, `diskFull`, `storeUnavailable`
    ///   where the address space is too small, `conflict` where this process has it open.
    package init(
        path: String, limits: EnvironmentLimits = EnvironmentLimits(), durability: Durability = .synced
    ) throws {
        try makeFolder(path)
        let identity = try resolvedPath(path)
        guard openPaths.withLock({ $0.insert(identity).inserted }) else {
            throw MartletError(.conflict, "the key-value store \(path) is open in this process already")
        }
        do {
            handle = try openHandle(path, limits, durability)
        } catch {
            openPaths.withLock { _ = $0.remove(identity) }
            throw error
        }
        self.identity = identity
        self.path = path
        self.limits = limits
        pooledReaders = limits.pooledReaders
        idleReaders = Mutex([])
    }

    deinit {
        for reader in idleReaders.withLock({ $0 }) { mdb_txn_abort(reader.handle) }
        mdb_env_close(handle)
        openPaths.withLock { _ = $0.remove(identity) }
    }

    /// Opens the named database, creating it where it is absent. Call once for each name, at start.
    package func database(_ name: String) throws -> Database {
        var transaction: OpaquePointer?
        try check(mdb_txn_begin(handle, nil, 0, &transaction), "opening database \(name)")
        var index: MDB_dbi = 0
        let status = mdb_dbi_open(transaction, name, UInt32(MDB_CREATE), &index)
        guard status == MDB_SUCCESS else {
            mdb_txn_abort(transaction)
            throw keyValueError(status: status, doing: "opening database \(name)")
        }
        try check(mdb_txn_commit(transaction), "opening database \(name)")
        return Database(index: index, name: name)
    }

    /// Runs `body` with a snapshot of the whole environment. The transaction comes from a pool: no system call where
    /// its pages are in memory.
    package func read<Result>(_ body: (borrowing ReadTransaction) throws -> Result) throws -> Result {
        let reader = try takeReader()
        defer { giveBack(reader) }
        return try body(ReadTransaction(handle: reader))
    }

    /// Runs `body` as the only writer, then commits; where it throws, nothing has happened. With `synced` durability
    /// the data is on disk when this returns.
    package func write<Result>(_ body: (borrowing WriteTransaction) throws -> Result) throws -> Result {
        var handle: OpaquePointer?
        try check(mdb_txn_begin(self.handle, nil, 0, &handle), "beginning a write")
        guard let handle else { preconditionFailure("LMDB began no transaction") }
        let result: Result
        do {
            result = try body(WriteTransaction(handle: handle))
        } catch {
            mdb_txn_abort(handle)
            throw error
        }
        try check(mdb_txn_commit(handle), "committing")
        return result
    }

    /// The number of the last commit, of any process; perhaps of one that a snapshot taken now does not show yet.
    package var version: UInt64 {
        var info = MDB_envinfo()
        mdb_env_info(handle, &info)
        return UInt64(info.me_last_txnid)
    }

    /// Bytes of the data file that hold pages, and those the limit allows.
    package func usage() -> (usedBytes: Int, limitBytes: Int) {
        var info = MDB_envinfo()
        var statistics = MDB_stat()
        mdb_env_info(handle, &info)
        mdb_env_stat(handle, &statistics)
        return ((info.me_last_pgno + 1) * Int(statistics.ms_psize), info.me_mapsize)
    }

    /// The number of the last write that was committed, by this process or another.
    package var lastWrite: UInt64 {
        var info = MDB_envinfo()
        mdb_env_info(handle, &info)
        return UInt64(info.me_last_txnid)
    }

    private func takeReader() throws -> OpaquePointer {
        if let reader = idleReaders.withLock({ $0.popLast() })?.handle {
            let status = mdb_txn_renew(reader)
            if status == MDB_SUCCESS { return reader }
            mdb_txn_abort(reader)
            throw keyValueError(status: status, doing: "beginning a read")
        }
        var reader: OpaquePointer?
        try check(mdb_txn_begin(handle, nil, UInt32(MDB_RDONLY), &reader), "beginning a read")
        guard let reader else { preconditionFailure("LMDB began no transaction") }
        return reader
    }

    private func giveBack(_ reader: OpaquePointer) {
        mdb_txn_reset(reader)
        let idleReader = IdleReader(handle: reader)
        let isKept = idleReaders.withLock { idle in
            if idle.count < pooledReaders { idle.append(idleReader) } else { return false }
            return true
        }
        if !isKept { mdb_txn_abort(reader) }
    }
}

/// A named database of an environment.
package struct Database: Sendable, Hashable {
    let index: UInt32
    package let name: String
}

/// A read transaction after its reset: nobody's, until it is renewed.
private struct IdleReader: @unchecked Sendable {
    // @unchecked: with MDB_NOTLS a transaction may move between threads, and the pool gives each to one at a time.
    let handle: OpaquePointer
}

// The folders that this process has open: a second handle would break LMDB's file locks.
private let openPaths = Mutex<Set<String>>([])

private func openHandle(
    _ path: String, _ limits: EnvironmentLimits, _ durability: Durability
) throws -> OpaquePointer {
    var handle: OpaquePointer?
    try check(mdb_env_create(&handle), "making an environment")
    guard let handle else { preconditionFailure("LMDB made no environment") }
    do {
        try check(mdb_env_set_mapsize(handle, limits.mapSizeBytes), "setting the size limit")
        try check(mdb_env_set_maxreaders(handle, UInt32(limits.readers)), "setting the limit of readers")
        try check(mdb_env_set_maxdbs(handle, UInt32(limits.databases)), "setting the limit of databases")
        // NOTLS: a Swift task changes threads, so reader slots belong to transactions. NORDAHEAD: reads are random.
        var flags = UInt32(MDB_NOTLS) | UInt32(MDB_NORDAHEAD)
        if durability == .unsynced { flags |= UInt32(MDB_NOSYNC) }
        try check(mdb_env_open(handle, path, flags, 0o640), "opening \(path)")
        var dead: Int32 = 0
        try check(mdb_reader_check(handle, &dead), "looking for dead readers of \(path)")
        try checkFileIsWhole(handle, path)
    } catch {
        mdb_env_close(handle)
        throw error
    }
    return handle
}

/// A data file shorter than its tree says would kill the process with SIGBUS at the first read beyond its end.
private func checkFileIsWhole(_ handle: OpaquePointer, _ path: String) throws {
    var info = MDB_envinfo()
    var statistics = MDB_stat()
    try check(mdb_env_info(handle, &info), "reading the state of \(path)")
    try check(mdb_env_stat(handle, &statistics), "reading the state of \(path)")
    // The offset of the descriptor is free to move: no transaction of this process runs yet.
    var file: Int32 = -1
    try check(mdb_env_get_fd(handle, &file), "reading the state of \(path)")
    let sizeBytes = lseek(file, 0, SEEK_END)
    // A new environment has written only its two meta pages; pages past the end of the file are then none.
    let needed = info.me_last_txnid == 0 ? 0 : (info.me_last_pgno + 1) * Int(statistics.ms_psize)
    guard sizeBytes >= needed else {
        throw MartletError(
            .corruptData, "\(path)/data.mdb has \(sizeBytes) bytes where its tree needs \(needed)",
            fix: "move the folder away and materialize again: everything in it is derived")
    }
}

private func makeFolder(_ path: String) throws {
    var parent = ""
    for part in path.split(separator: "/", omittingEmptySubsequences: false) {
        parent += parent.isEmpty && !path.hasPrefix("/") ? part : "/\(part)"
        if part.isEmpty { parent = parent == "/" ? "" : parent; continue }
        if mkdir(parent, 0o750) != 0, errno != EEXIST {
            throw keyValueError(status: errno, doing: "making the folder \(path)")
        }
    }
}

private func resolvedPath(_ path: String) throws -> String {
    guard let resolved = realpath(path, nil) else {
        throw keyValueError(status: errno, doing: "opening \(path)")
    }
    defer { free(resolved) }
    return String(cString: resolved)
}
