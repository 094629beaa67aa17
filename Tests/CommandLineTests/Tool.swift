import FoundationEssentials
import MartletCore
import MartletTestSupport

/// The built `martlet` in a repository of its own: one entity, one source, one windowed view, one service.
final class Tool {
    let folder = TemporaryFolder()

    static let executable: String = {
        // The test bundle lies beside the executable.
        let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return bundle.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/martlet"
    }()

    static let definitions = """
        entity: user
        key: user_id
        type: int64
        ---
        source: clicks
        columns:
          user_id: {type: int64, nullable: false}
          amount: float64
          at: {type: timestamp, nullable: false}
        event_time: at
        arrival_time: at
        ---
        features: recent
        entity: user
        source: clicks
        windows: [1h, 30d]
        aggregates: {clicks: count, amount_sum: sum(amount)}
        ---
        service: score
        features: [recent]
        """

    init() {
        folder.write("workspace: test\n", to: "martlet.yaml")
        folder.write(Self.definitions, to: "definitions.yaml")
        folder.write("user_id,amount,at\n1,2.5,2026-03-01T00:00:00Z\n1,4,2026-03-02T00:00:00Z\n", to: "clicks.csv")
        folder.write("user_id,event_timestamp\n1,2026-03-03T00:00:00Z\n", to: "labels.csv")
    }

    func run(_ arguments: String..., environment: [String: String] = [:]) throws -> ProcessResult {
        try runProcess([Self.executable] + arguments, directory: folder.path, environment: environment)
    }

    /// Applied and ingested.
    func prepared() throws -> Tool {
        for arguments in [["apply"], ["ingest", "clicks", "clicks.csv"]] {
            let result = try runProcess([Self.executable] + arguments, directory: folder.path)
            guard result.status == 0 else { throw MartletError(.internalFault, result.errors) }
        }
        return self
    }

    /// The tables that exist, by their folders.
    var tables: [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/.martlet/tables/default/test"))?.sorted()
            ?? []
    }
}

/// One failure of a command: the status it ends with, its code, and words that tell the user what to do.
func expectedFailure(_ result: ProcessResult, _ code: String, status: Int32, says words: String...) -> String? {
    if result.status != status { return "status \(result.status), not \(status): \(result.errors)" }
    if !result.errors.contains("[\(code)]") { return "no code \(code): \(result.errors)" }
    for word in words where !result.errors.contains(word) { return "no \"\(word)\": \(result.errors)" }
    if result.errors.contains("Fatal error") { return "it trapped: \(result.errors)" }
    return nil
}
