internal import MartletCore
internal import MartletObjects
internal import MartletQuery

/// The log folder of one table: its commits and checkpoints as they lie in the store.
struct TableLog: Sendable {
    let store: any ObjectStore
    /// The key prefix of the table, ending in a slash.
    let folder: String
    /// As messages name the table's folder.
    let location: String

    var prefix: String { folder + LogFileName.folder }

    func path(_ name: String) -> String { location + "/" + LogFileName.folder + name }

    /// - Returns: nil where the version is not committed yet.
    func commit(_ version: Int64) throws -> [DeltaAction]? {
        let name = LogFileName.commitName(version)
        let bytes: [UInt8]
        do {
            bytes = try store.get(prefix + name)
        } catch let error as MartletError where error.code == .notFound {
            return nil
        }
        return try DeltaAction.readCommit(bytes, file: path(name))
    }

    /// - Returns: false where another writer has taken the version.
    func write(_ actions: [DeltaAction], version: Int64, at time: Timestamp) throws -> Bool {
        try store.putIfAbsent(
            prefix + LogFileName.commitName(version), DeltaAction.writeCommit(actions), modified: time)
    }

    /// What lies in the log folder.
    struct Listing {
        /// Versions with the modification time of their commit.
        var commits: [Int64: Timestamp] = [:]
        /// The names of the files of each complete checkpoint.
        var checkpoints: [Int64: [String]] = [:]
    }

    /// - Parameter version: lists from this version on; 0 lists all.
    func list(from version: Int64) throws -> Listing {
        // A checkpoint comes before the commit of its version: `N.checkpoint.parquet`, `N.json`.
        let after = version > 0 ? prefix + LogFileName.commitName(version - 1) : nil
        var listing = Listing()
        var parts: [Int64: [Int: [Int: String]]] = [:]
        for entry in try store.list(prefix: prefix, after: after) {
            let name = entry.key.dropFirst(prefix.count)
            switch LogFileName(name) {
            case .commit(let version): listing.commits[version] = entry.modified
            case .checkpoint(let version, let part, let count):
                parts[version, default: [:]][count, default: [:]][part] = String(name)
            case nil: continue
            }
        }
        for (version, sets) in parts {
            // A set whose parts are not all there was left by a writer that died.
            if let (count, names) = sets.filter({ $0.key == $0.value.count }).min(by: { $0.key < $1.key }) {
                listing.checkpoints[version] = (1...count).compactMap { names[$0] }
            }
        }
        return listing
    }

    /// The version that `_last_checkpoint` names: a hint only, so anything wrong with it counts as its absence.
    func checkpointHint() -> Int64? {
        guard let bytes = try? store.get(prefix + LogFileName.lastCheckpoint, sizeBytesMax: 1 << 20) else { return nil }
        return try? JSONValue(parsing: bytes)["version"]?.integer
    }
}
