import FoundationEssentials
import Glibc
import MartletCore
import MartletTestSupport
import Testing

@Suite("A command that a signal ends")
struct SignalTests {
    private static let upTo = "2026-03-20T00:00:00Z"

    /// Clicks that do not fit into the memory that the workspace may use, so that work on them goes part by part.
    private func prepared() throws -> Tool {
        let tool = Tool()
        let first = Timestamp(year: 2026, month: 3, day: 1)
        let rows = (0..<60_000).map { "\($0 % 5_000),\($0 % 97).5,\(first + .seconds(Int64($0) * 25))" }
        tool.folder.write("user_id,amount,at\n" + rows.joined(separator: "\n") + "\n", to: "clicks.csv")
        _ = try tool.prepared()
        tool.folder.write("workspace: test\nlimits: {memory: 4MiB, threads: 1}\n", to: "martlet.yaml")
        return tool
    }

    private func temporaryFiles(_ tool: Tool) -> [String] {
        let path = "\(tool.folder.path)/.martlet/temporary"
        return ((try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? []).sorted()
    }

    /// Starts a command and waits until the first part of its work is done.
    private func started(_ tool: Tool, _ arguments: [String], part: String) throws -> RunningProcess {
        let process = try RunningProcess([Tool.executable] + arguments, directory: tool.folder.path)
        try process.wait(for: part) { temporaryFiles(tool).contains { $0.contains(part) } }
        return process
    }

    private let training = ["training-set", "score", "--labels", "silver.clicks", "--time-column", "at", "--out"]

    private func hash(_ tool: Tool, _ output: String) throws -> String? {
        let result = try runProcess([Tool.executable] + training + [output, "--json"], directory: tool.folder.path)
        #expect(result.status == 0, "\(result.errors)")
        return try JSONValue(parsing: result.output)["hash"]?.string
    }

    @Test("training-set by SIGINT leaves nothing but what was there, and repeated it finishes")
    func interruptedTrainingSet() throws {
        let tool = try prepared()
        tool.folder.write("what was there", to: "set.parquet")
        let names = try FileManager.default.contentsOfDirectory(atPath: tool.folder.path).sorted()
        let process = try started(tool, training + ["set.parquet"], part: "features-0-0.done")
        process.signal(SIGINT)
        #expect(expectedFailure(process.wait(), "cancelled", status: 4, says: "stopped as asked") == nil)
        #expect(tool.folder.text(of: "set.parquet") == "what was there")
        #expect(try FileManager.default.contentsOfDirectory(atPath: tool.folder.path).sorted() == names)
        #expect(temporaryFiles(tool) == [])
        #expect(try tool.run("datasets", "--json").output == "[]\n")

        let parts = try hash(tool, "set.parquet")
        tool.folder.write("workspace: test\n", to: "martlet.yaml")
        #expect(try hash(tool, "whole.parquet") == parts)
    }

    @Test("training-set by SIGKILL leaves its finished parts, and repeated it goes on from them")
    func killedTrainingSet() throws {
        let tool = try prepared()
        let process = try started(tool, training + ["set.parquet"], part: "features-0-1.done")
        process.signal(SIGKILL)
        #expect(process.wait().status == 128 + SIGKILL)
        #expect(!tool.folder.exists("set.parquet"))
        let part = try #require(
            temporaryFiles(tool).first { $0.contains("/features-0-0") && $0.hasSuffix(".columns") })
        // Its second name outlives the folder, and tells that the file was not written again.
        let kept = "\(tool.folder.path)/kept.parquet"
        #expect(link("\(tool.folder.path)/.martlet/temporary/\(part)", kept) == 0)
        // A command of another kind leaves the parts.
        #expect(try tool.run("materialize", "--up-to", Self.upTo).status == 0)
        #expect(temporaryFiles(tool).contains(part))

        let resumed = try started(tool, training + ["set.parquet"], part: "features-0-2.done")
        var (first, second) = (stat(), stat())
        #expect(stat(kept, &first) == 0)
        #expect(stat("\(tool.folder.path)/.martlet/temporary/\(part)", &second) == 0)
        #expect(first.st_ino == second.st_ino)
        #expect(resumed.wait().status == 0)
        #expect(temporaryFiles(tool) == [])
    }

    @Test("materialize by SIGINT keeps what is loaded, and repeated it finishes", arguments: [SIGINT, SIGKILL])
    func interruptedLoad(signal: Int32) throws {
        let tool = try prepared()
        let process = try started(
            tool, ["materialize", "--up-to", Self.upTo], part: "materialize/recent/part-0.parquet")
        process.signal(signal)
        let result = process.wait()
        if signal == SIGINT {
            #expect(expectedFailure(result, "cancelled", status: 4) == nil)
            #expect(temporaryFiles(tool) == [])
        } else {
            #expect(result.status == 128 + SIGKILL)
        }
        #expect(!tool.tables.contains("gold.recent"))

        let again = try tool.run("materialize", "--up-to", Self.upTo, "--json")
        #expect(again.status == 0, "\(again.errors)")
        let load = try JSONValue(parsing: again.output).array?.first
        #expect(load?["entities"]?.integer == 5_000)
        // The first part was in the store.
        #expect((load?["written"]?.integer ?? 5_000) < 5_000)
        #expect(temporaryFiles(tool) == [])
        let tables = try JSONValue(parsing: try tool.run("tables", "--json").output).array
        let gold = tables?.first { $0["table"]?.string == "gold.recent" }
        #expect(gold?["rows"]?.integer == 5_000)
        tool.folder.write("workspace: test\n", to: "martlet.yaml")
        let check = try tool.run("verify", "--entities", "200", "--times", "2")
        #expect(check.status == 0, "\(check.errors)")
    }
}
