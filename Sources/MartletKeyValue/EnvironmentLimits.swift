/// What an environment may use.
package struct EnvironmentLimits: Sendable, Hashable {
    /// The largest size of the data file. The address space is reserved when the environment opens; the file itself
    /// grows only as it fills. A write beyond it fails with `diskFull`.
    package var mapSizeBytes: Int
    /// Read transactions open at the same moment, over all processes.
    package var readers: Int
    /// Named databases in the environment.
    package var databases: Int
    /// Idle read transactions kept for reuse.
    package var pooledReaders: Int

    package init(
        mapSizeBytes: Int = 64 << 30, readers: Int = 512, databases: Int = 16, pooledReaders: Int = 64
    ) {
        self.mapSizeBytes = mapSizeBytes
        self.readers = readers
        self.databases = databases
        self.pooledReaders = pooledReaders
    }
}

/// When a commit counts as done.
package enum Durability: Sendable, Hashable {
    /// The data is on disk when the commit returns.
    case synced
    /// The operating system may lose the last commits when the machine stops; the file stays consistent only as far as
    /// its file system keeps the order of writes. For tests and caches.
    case unsynced
}
