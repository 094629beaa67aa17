internal import Dispatch
internal import Glibc
internal import MartletConnectors
internal import MartletCore
internal import MartletDefinitions
internal import Synchronization

/// Runs the connectors that the applied sources declare, each on a thread of its own, and others when other definitions
/// are applied.
final class ConnectorRunner: Sendable {
    private let workspace: Workspace
    private let intake: EventIntake
    private let isStopping = Atomic<Bool>(false)
    private let wake = DispatchSemaphore(value: 0)
    private let running = DispatchGroup()
    private let connectors = Mutex<[any Connector]>([])
    private let failure = Mutex<String?>(nil)

    init(_ workspace: Workspace) throws {
        self.workspace = workspace
        intake = try workspace.intake
    }

    func start() { startThread(group: running) { [self] in run() } }

    /// Ends all of them; what they read is handed on first.
    func stop() {
        isStopping.store(true, ordering: .relaxed)
        wake.signal()
        running.wait()
    }

    func definitionsChanged() { wake.signal() }

    var statuses: [ConnectorStatus] { connectors.withLock { $0.map(\.status) } }

    /// Why the connectors of the applied sources could not be made.
    var lastFailure: String? { failure.withLock { $0 } }

    private func run() {
        var sources: [SourceDefinition] = []
        let threads = DispatchGroup()
        func end() {
            let running = connectors.withLock { $0 }
            for connector in running { connector.stop() }
            threads.wait()
            connectors.withLock { $0 = [] }
        }
        while !isStopping.load(ordering: .relaxed) {
            do {
                let definitions = try workspace.appliedDefinitions()
                let wanted = definitions.sources.filter { $0.origin != nil }
                if wanted != sources {
                    end()
                    sources = wanted
                    try begin(wanted, definitions, threads)
                }
                failure.withLock { $0 = nil }
            } catch {
                failure.withLock { $0 = "\(error)" }
            }
            wake.wait()
        }
        end()
    }

    private func begin(
        _ sources: [SourceDefinition], _ definitions: AppliedDefinitions, _ threads: DispatchGroup
    ) throws {
        let maker = ConnectorMaker(
            sink: LogSink(workspace: workspace, intake: intake, definitions: definitions), time: workspace.time
        ) { name in unsafe getenv(name).map { unsafe String(cString: $0) } }
        for source in sources {
            guard let connector = try maker.connector(for: source, seed: .random(in: 0 ... .max)) else { continue }
            connectors.withLock { $0.append(connector) }
            startThread(group: threads) { connector.run() }
        }
    }
}
