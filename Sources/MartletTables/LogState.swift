internal import MartletCore

/// Actions reconciled (Delta protocol, "Action Reconciliation"): the newest protocol and metadata, the newest
/// transaction of each application, the files that were added and not removed.
struct LogState: Sendable {
    let tableProtocol: TableProtocol
    let metadata: TableMetadata
    let liveFiles: [DataFile]
    let transactions: [String: AppTransaction]
    /// Removed files, kept for checkpoints.
    let removedFiles: [RemovedFile]
    let partial: Partial

    init(tableProtocol: TableProtocol, metadata: TableMetadata, partial: Partial) {
        self.tableProtocol = tableProtocol
        self.metadata = metadata
        liveFiles = partial.files.compactMap { $0 }
        transactions = partial.transactions
        removedFiles = partial.removed.values.sorted { $0.path < $1.path }
        self.partial = partial
    }

    /// The state while the log is being replayed, oldest action first.
    struct Partial: Sendable {
        private(set) var tableProtocol: TableProtocol?
        private(set) var metadata: TableMetadata?
        private(set) var transactions: [String: AppTransaction] = [:]
        /// In the order of adding; nil where a file was removed again.
        private(set) var files: [DataFile?] = []
        private(set) var removed: [String: RemovedFile] = [:]
        private var places: [String: Int] = [:]

        init() {}

        mutating func apply(_ actions: [DeltaAction]) {
            for action in actions { apply(action) }
            // Slots of removed files are given back once they are the greater part.
            if files.count > 64, files.count > 2 * places.count { compact() }
        }

        private mutating func apply(_ action: DeltaAction) {
            switch action {
            case .protocol(let value): tableProtocol = value
            case .metadata(let value): metadata = value
            case .transaction(let value): transactions[value.appID] = value
            case .add(let file):
                removed[file.path] = nil
                if let place = places[file.path] {
                    files[place] = file
                } else {
                    places[file.path] = files.count
                    files.append(file)
                }
            case .remove(let file):
                removed[file.path] = file
                if let place = places.removeValue(forKey: file.path) { files[place] = nil }
            case .commitInfo, .unknown: break
            }
        }

        private mutating func compact() {
            files = files.filter { $0 != nil }
            places.removeAll(keepingCapacity: true)
            for (place, file) in files.enumerated() { if let file { places[file.path] = place } }
        }
    }
}
