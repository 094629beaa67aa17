internal import Dispatch
package import MartletCore
internal import MartletTables
internal import Synchronization

/// Appends served vectors to `served.SERVICE`, on a thread of its own: whoever serves leaves them in a bounded buffer
/// and goes on. What does not fit is dropped and counted.
package final class FeatureLog: Sendable {
    package struct Limits: Sendable {
        /// Rows that wait to be written; more are dropped.
        package var bufferedRows = 100_000
        /// So many rows are written before the time is over.
        package var flushRows = 20_000
        package var flushEvery = TimeSpan.seconds(10)

        package init() {}
    }

    package struct Statistics: Sendable, Hashable {
        package var logged = 0
        /// Because the buffer was full, or because they do not fit the table.
        package var dropped = 0
        package var buffered = 0
        /// Writes that failed; they are tried again.
        package var failures = 0
        package var lastFailure: String?
    }

    private let workspace: Workspace
    private let limits: Limits
    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private let running = DispatchGroup()
    private let isStopping = Atomic<Bool>(false)

    private struct State: Sendable {
        var waiting: [ServedVectors] = []
        var statistics = Statistics()
    }

    package init(_ workspace: Workspace, _ limits: Limits = Limits()) {
        self.workspace = workspace
        self.limits = limits
    }

    package func start() { startThread(group: running) { [self] in run() } }

    /// Writes what waits and ends. Blocks.
    package func stop() {
        isStopping.store(true, ordering: .relaxed)
        wake.signal()
        running.wait()
        flush()
    }

    package var statistics: Statistics { state.withLock { $0.statistics } }

    /// Takes vectors over, to be written later. A lock for as long as an append takes.
    package func add(_ vectors: ServedVectors) {
        let isDue = state.withLock { state -> Bool in
            guard state.statistics.buffered + vectors.count <= limits.bufferedRows else {
                state.statistics.dropped += vectors.count
                return false
            }
            let before = state.statistics.buffered
            state.waiting.append(vectors)
            state.statistics.buffered += vectors.count
            return before < limits.flushRows && state.statistics.buffered >= limits.flushRows
        }
        if isDue { wake.signal() }
    }

    /// Writes what waits. Blocks.
    package func flush() {
        let waiting = state.withLock { state in
            let waiting = state.waiting
            state.waiting = []
            return waiting
        }
        for (service, vectors) in Dictionary(grouping: waiting, by: \.service).sorted(by: { $0.key < $1.key }) {
            write(vectors, of: service)
        }
    }

    private func run() {
        while !isStopping.load(ordering: .relaxed) {
            _ = wake.wait(timeout: .now() + .microseconds(Int(limits.flushEvery.microseconds)))
            flush()
        }
    }

    private func write(_ vectors: [ServedVectors], of service: String) {
        // Versions of definitions may differ in their columns: rows of one kind are written together.
        var runs: [(vectors: [ServedVectors], batches: [RecordBatch])] = []
        for vectors in vectors {
            let batch = vectors.batch
            if let last = runs.last, last.batches[0].schema == batch.schema {
                runs[runs.count - 1].vectors.append(vectors)
                runs[runs.count - 1].batches.append(batch)
            } else {
                runs.append(([vectors], [batch]))
            }
        }
        var options = WriteOptions()
        options.evolution = .addColumns
        for run in runs {
            let count = run.vectors.reduce(0) { $0 + $1.count }
            do {
                try workspace.table(.served(service)).append(try .joining(run.batches), options)
                state.withLock { state in
                    state.statistics.logged += count
                    state.statistics.buffered -= count
                }
            } catch {
                keep(run.vectors, count, error)
            }
        }
    }

    /// Keeps for the next time what could not be written now; drops what never can.
    private func keep(_ vectors: [ServedVectors], _ count: Int, _ error: any Error) {
        let code = (error as? MartletError)?.code
        let isHopeless = code == .typeMismatch || code == .missingColumn || code == .invalidInput
        state.withLock { state in
            state.statistics.failures += 1
            state.statistics.lastFailure = "\(error)"
            if isHopeless || isStopping.load(ordering: .relaxed) {
                state.statistics.dropped += count
                state.statistics.buffered -= count
            } else {
                state.waiting = vectors + state.waiting
            }
        }
    }
}
