internal import Dispatch
package import MartletCore
internal import Synchronization

/// The event log of one workspace: what is appended is durable when it is acknowledged, stands in one order under
/// offsets that are dense and begin at 0, and can be read from any of them on. docs/log.md has the guarantees.
///
/// One process owns it. All calls may be made from any thread. Nothing is written by whoever appends: `writeGroup`
/// does, for all that wait; `start` lets a thread of the log's call it.
package final class EventLog: EventAppending, Sendable {
    /// What is known to all threads.
    struct Shared {
        var queue: [PendingAppend] = []
        /// Of appends that are encoded, wait or are being written.
        var queuedBytes = 0
        var closedSegments: [SegmentSummary] = []
        /// The one that is written; what it says is durable.
        var openSegment: SegmentSummary
        var positions: [String: SourcePosition] = [:]
        var consumers: [String: Int64] = [:]
        var failure: MartletError?
        var isClosed = false
        var waiters: [Int: LogWaiter] = [:]
        var nextWaiter = 0
        var counts = LogCounts()
    }

    let folder: SegmentFolder
    let settings: LogSettings
    let key: MarkKey
    let time: any TimeSource
    let shared: Mutex<Shared>
    let writer: Mutex<SegmentWriter>
    /// Only touched by whoever holds `writer`.
    let dedupe: Mutex<DedupeWindow>
    /// Held while a committed offset is written.
    let consumerFiles = Mutex(())
    let wake = DispatchSemaphore(value: 0)
    let threads = DispatchGroup()
    /// nil where another process owns the log and this one reads.
    private let lock: (any LogLock)?
    let publication: (any LogFile)?
    /// What opening found and did.
    package let recovery: LogRecovery

    /// Opens the log in a folder, or makes it.
    /// - Parameter newKey: for a log that does not exist yet, what its marks are hashed under; to be drawn at random.
    /// - Throws: `conflict` where another process has it open; `corruptData` where something acknowledged is damaged,
    ///   with file and byte; `fileSystem`, `diskFull`.
    package init(
        folder path: String, workspace: WorkspaceID, disk: any LogDisk = SystemDisk(),
        time: any TimeSource = SystemTimeSource(), settings: LogSettings = LogSettings(),
        newKey: (UInt64, UInt64) = (.random(in: 1 ... .max), .random(in: 1 ... .max))
    ) throws(MartletError) {
        try disk.makeFolder(path)
        lock = try disk.lock("\(path)/lock")
        folder = SegmentFolder(path: path, workspace: workspace, disk: disk, settings: settings)
        self.settings = settings
        self.time = time
        let recovered = try RecoveredLog(folder, time: time, newKey: MarkKey(first: newKey.0, second: newKey.1))
        key = recovered.writer.header.key
        recovery = recovered.report
        var state = Shared(openSegment: recovered.writer.summary)
        state.closedSegments = recovered.closedSegments
        state.positions = recovered.positions
        state.consumers = try readConsumers(folder, endOffset: recovered.writer.summary.endOffset)
        shared = Mutex(state)
        writer = Mutex(recovered.writer)
        dedupe = Mutex(recovered.dedupe)
        publication = try Self.publication(folder, recovered.writer.summary)
    }

    /// As `reading` has it.
    init(reading folder: SegmentFolder, until end: PublishedEnd?, time: any TimeSource) throws(MartletError) {
        self.folder = folder
        settings = folder.settings
        self.time = time
        lock = nil
        publication = nil
        let recovered = try RecoveredLog(folder, until: end)
        key = recovered.writer.header.key
        recovery = recovered.report
        var state = Shared(openSegment: recovered.writer.summary)
        state.closedSegments = recovered.closedSegments
        state.positions = recovered.positions
        state.failure = MartletError(
            .conflict, "another process owns the log: here it is only read", place: .init(file: folder.path))
        shared = Mutex(state)
        writer = Mutex(recovered.writer)
        dedupe = Mutex(recovered.dedupe)
    }

    /// - Throws: `conflict` where another process owns the log.
    func requireOwner() throws(MartletError) {
        if lock == nil, let failure { throw failure }
    }

    package func position(of stream: String) -> SourcePosition? { shared.withLock { $0.positions[stream] } }

    /// The offset of the oldest event that is kept.
    package var startOffset: Int64 {
        shared.withLock { $0.closedSegments.first?.baseOffset ?? $0.openSegment.baseOffset }
    }

    /// Behind the last durable event.
    package var endOffset: Int64 { shared.withLock { $0.openSegment.endOffset } }

    package var counts: LogCounts { shared.withLock { $0.counts } }

    /// Why nothing is acknowledged any more; nil while all is well.
    package var failure: MartletError? { shared.withLock { $0.failure } }

    package var sizeBytes: Int {
        shared.withLock { state in state.closedSegments.reduce(state.openSegment.sizeBytes) { $0 + $1.sizeBytes } }
    }

    package var queuedBytes: Int { shared.withLock { $0.queuedBytes } }
}

/// What a log has done since it was opened.
package struct LogCounts: Sendable, Hashable {
    package var storedEvents = 0
    package var duplicateEvents = 0
    /// Marks of events that are remembered: by chance in the filters, and forgotten early for want of memory.
    package var rememberedMarks = 0
    package var filteredMarks = 0
    package var forgottenMarks = 0
    /// Writes with a sync, each for all appends that waited.
    package var groups = 0
    package var appends = 0
    package var writtenBytes = 0
}

/// What opening a log found and did.
package struct LogRecovery: Sendable, Hashable {
    package var segments = 0
    /// The bytes of the last segment that were read.
    package var scannedBytes = 0
    /// Of the last segment's tail, which were no whole append: torn by the crash, never acknowledged.
    package var cutBytes = 0
    /// Of the last group, written anew since nothing proves that it was durable.
    package var rewrittenBytes = 0
}
