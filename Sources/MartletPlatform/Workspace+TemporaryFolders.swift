internal import FoundationEssentials
internal import MartletCore
internal import MartletDefinitions
internal import MartletRegistry

/// Folders below `.martlet/temporary`. One belongs to the holder of the lock that is named like it: a folder whose lock
/// is free was left by a command that is gone, however it ended.
extension Workspace {
    /// Of a load of the online store.
    static var loadFolder: String { "materialize" }
    /// Of a training set that is built again; its number follows.
    static var rebuildPrefix: String { "rebuild-" }

    var temporaryDirectory: String { "\(directory)/.martlet/temporary" }

    func temporaryFolder(_ name: String) -> String { "\(temporaryDirectory)/\(name)" }

    private func lockFile(_ name: String) -> String { "\(directory)/.martlet/locks/\(name).lock" }

    func withLock<T>(_ name: String, _ body: () throws -> T) throws -> T { try withFileLock(lockFile(name), body) }

    /// Runs `body` with an empty folder of its own, which is removed afterwards; other users of it are waited for.
    func withTemporaryFolder<T>(_ name: String, _ body: (String) throws -> T) throws -> T {
        try withLock(name) {
            let path = temporaryFolder(name)
            try? FileManager.default.removeItem(atPath: path)
            try makeFolder(path)
            defer { try? FileManager.default.removeItem(atPath: path) }
            return try body(path)
        }
    }

    /// Removes what earlier commands left behind: folders of those that were killed, and files of requests that made no
    /// training set. What a repeated command could go on from, and those files, stay for `limits.resumable_for`. What
    /// cannot be removed stays, and fails nothing.
    func sweepAbandonedWork() {
        let oldest = time.now() - settings.limits.resumableFor
        for name in fileNames(in: temporaryDirectory) where isOwned(name) {
            try? makeFolder(parent(of: lockFile(name)))
            guard let lock = FileLock.ifFree(file: lockFile(name), isMade: true) else { continue }
            withExtendedLifetime(lock) {
                let isResumable = SpillFolder(path: temporaryFolder(name)).lastFinished.map { $0 >= oldest } ?? false
                if isResumable { return }
                try? FileManager.default.removeItem(atPath: temporaryFolder(name))
                try? FileManager.default.removeItem(atPath: lockFile(name))
            }
        }
        let datasets = "\(directory)/.martlet/datasets"
        let files =
            fileNames(in: datasets).filter { $0.hasPrefix("labels-") }.map { "\(datasets)/\($0)" }
            + fileNames(in: "\(datasets)/sets").map { "\(datasets)/sets/\($0)" }
        let old = files.filter { modificationTime($0).map { $0 < oldest } ?? false }
        for file in unrecorded(old) {
            // A request that has the same labels again holds them until its set is recorded.
            guard let lock = FileLock.ifFree(file: file) else { continue }
            withExtendedLifetime(lock) {
                for file in unrecorded([file]) { try? FileManager.default.removeItem(atPath: file) }
            }
        }
    }

    /// Those of the files that no training set names. By their names: the folder may have been moved since.
    private func unrecorded(_ files: [String]) -> [String] {
        guard !files.isEmpty, let recorded = try? registry.trainingSetFiles() else { return [] }
        let names = Set(recorded.map(lastPart))
        return files.filter { !names.contains(lastPart(of: $0)) }
    }

    private func isOwned(_ name: String) -> Bool {
        name == Self.loadFolder || [SpillFolder.namePrefix, Self.rebuildPrefix].contains(where: name.hasPrefix)
    }

    private func fileNames(in folder: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    }
}

private func lastPart(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
