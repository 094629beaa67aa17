internal import Glibc
package import MartletCore
package import MartletObjects
package import MartletQuery

/// The tables of all workspaces in one store: `TENANT/WORKSPACE/LAYER.NAME` is the folder of a table.
package struct Tables: Sendable {
    private let store: any ObjectStore
    private let context: TableContext

    /// - Parameters:
    ///   - random: makes the names of data files unique.
    ///   - sleep: how a writer waits before it tries to commit again.
    package init(
        store: any ObjectStore, engine: QueryEngine, time: any TimeSource = SystemTimeSource(),
        limits: TableLimits = TableLimits(),
        random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) },
        sleep: @escaping @Sendable (_ microseconds: UInt32) -> Void = { usleep($0) }
    ) {
        self.store = store
        context = TableContext(engine: engine, time: time, random: random, sleep: sleep, limits: limits)
    }

    /// The table of that name, which need not exist. Keep it: it remembers what it has read of the log.
    package func table(_ name: TableName, in workspace: WorkspaceID) throws -> DeltaTable {
        let folder = "\(workspace)/\(name)"
        let log = TableLog(
            store: store, folder: folder + "/", location: try store.localPath(folder) ?? "\(store.location)/\(folder)")
        return DeltaTable(name: name, log: log, context: context)
    }

    /// The names of the tables that exist in a workspace, in order. O(files of the workspace).
    package func names(in workspace: WorkspaceID) throws -> [TableName] {
        let prefix = "\(workspace)/"
        var names: Set<String> = []
        for entry in try store.list(prefix: prefix) {
            let parts = entry.key.dropFirst(prefix.count).split(separator: "/")
            if parts.count == 3, parts[1] == "_delta_log", LogFileName(parts[2]) != nil {
                names.insert(String(parts[0]))
            }
        }
        return names.sorted().compactMap { TableName($0) }
    }
}
