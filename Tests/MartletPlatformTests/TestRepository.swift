import FoundationEssentials
import MartletCore
import MartletDefinitions
import MartletLog
import MartletPlatform
import MartletQuery
import MartletTestSupport

/// Users and what they click on: what the definitions of many tests begin with.
let clicks = """
    entity: user
    key: user
    type: string
    ---
    source: clicks
    columns:
      user: {type: string, nullable: false}
      amount: float64
      at: {type: timestamp, nullable: false}
      seen: timestamp
    event_time: at
    arrival_time: seen
    ---

    """

/// A repository in a folder of its own, its workspace at a fixed moment.
final class TestRepository {
    static let now = Timestamp(year: 2026, month: 4, day: 1)

    let folder = TemporaryFolder()
    let workspace: Workspace
    let principal: Principal

    /// The example of the demo.
    init(example: String) throws {
        for item in ["martlet.yaml", "definitions", "sql"] {
            try FileManager.default.copyItem(
                atPath: "\(packageFolder)/examples/\(example)/\(item)", toPath: "\(folder.path)/\(item)")
        }
        workspace = try Workspace(directory: folder.path, time: FixedTimeSource(Self.now))
        principal = Principal(tenant: workspace.settings.tenant, name: "test")
        try workspace.apply(workspace.plan(), principal: principal)
    }

    /// - Parameter files: others, by their place in the repository.
    init(_ definitions: String, files: [String: String] = [:]) throws {
        folder.write("workspace: test\n", to: "martlet.yaml")
        for (name, text) in files {
            let target = "\(folder.path)/\(name)"
            let parent = target.split(separator: "/").dropLast().map { "/" + $0 }.joined()
            try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
            folder.write(text, to: name)
        }
        folder.write(definitions, to: "definitions.yaml")
        workspace = try Workspace(directory: folder.path, time: FixedTimeSource(Self.now))
        principal = Principal(tenant: workspace.settings.tenant, name: "test")
        try workspace.apply(workspace.plan(), principal: principal)
    }

    func path(_ name: String) -> String { "\(folder.path)/\(name)" }

    /// Applies other definitions.
    func apply(_ definitions: String) throws {
        folder.write(definitions, to: "definitions.yaml")
        try workspace.apply(workspace.plan(), principal: principal)
    }

    @discardableResult
    func ingest(_ source: String, csv text: String, name: String = "rows.csv", key: String? = nil) throws
        -> IngestReport
    {
        folder.write(text, to: name)
        return try workspace.ingest(source, files: [path(name)], idempotencyKey: key, principal: principal)
    }

    func deadLetters() throws -> [DeadLetter] {
        try workspace.deadLetters().map { try workspace.deadLetter($0.number) }
    }

    /// The rows of a table, one line each.
    func rows(_ table: String, _ columns: String) throws -> [String] {
        let connection = try workspace.engine.connect()
        let summary = try workspace.tableSummaries().first { $0.name == table }
        guard let summary else { return [] }
        // By Delta's own files, not through the platform: the newest version of an append-only table is all its files.
        let batch = try connection.query(
            "SELECT concat_ws(' ', \(columns)) AS line "
                + "FROM read_parquet(\(quotedLiteral(summary.location + "/*.parquet")), "
                + "union_by_name = true) ORDER BY line")
        return (0..<batch.rowCount).map { batch.columns[0][$0].description }
    }
}
