import FoundationEssentials
import Glibc
import MartletCore
import MartletTestSupport
import Testing

@Suite("Bad input ends in one clear error")
struct BadInputTests {
    @Test(
        "a broken YAML file: its file, line and column, and nothing applied",
        arguments: [
            ("entity: user\nkey: [\n", "definitions.yaml:"), ("entity: user\n\tkey: x\n", "definitions.yaml:2"),
            ("entity: user\nkey: user_id\ntpye: int64\n", "did you mean"),
            ("entity: user\nkey: user_id\ntype: int46\n", "definitions.yaml:3:7"),
        ])
    func brokenYAML(text: String, words: String) throws {
        let tool = Tool()
        tool.folder.write(text, to: "definitions.yaml")
        #expect(expectedFailure(try tool.run("apply"), "invalid-definition", status: 3, says: words) == nil)
        tool.folder.write(Tool.definitions, to: "definitions.yaml")
        #expect(try tool.run("plan", "--json").output.contains("\"base_revision\":0"))
    }

    @Test(
        "an unknown name: the nearest one",
        arguments: [
            (["ingest", "click", "clicks.csv"], "did you mean clicks?"),
            (["training-set", "scroe", "--labels", "labels.csv", "--out", "o.parquet"], "did you mean score?"),
            (["materialize", "recents"], "did you mean recent?"),
            (["explain", "recent:clicks_2h", "--entity", "user_id=1"], "did you mean clicks_1h?"),
            (["get-online", "recent:click_1h", "--entity", "user_id=1"], "did you mean clicks_1h?"),
        ])
    func unknownName(arguments: [String], words: String) throws {
        let tool = try Tool().prepared()
        let result = try runProcess([Tool.executable] + arguments, directory: tool.folder.path)
        #expect(expectedFailure(result, "unknown-name", status: 2, says: words) == nil)
        #expect(!tool.folder.exists("o.parquet"))
    }

    @Test(
        "a wrong command line: what to write instead",
        arguments: [
            ["ingets"], ["plan", "--jsn"], ["plan", "extra"], ["training-set", "score"], ["explain", "recent"],
            ["verify", "--entities", "many"], ["synth", "clicks", "--out", "x.parquet"],
            ["get-online", "score", "--entity", "x"],
        ])
    func wrongUse(arguments: [String]) throws {
        let tool = try Tool().prepared()
        let result = try runProcess([Tool.executable] + arguments, directory: tool.folder.path)
        #expect(expectedFailure(result, "usage", status: 2) == nil)
    }

    @Test(
        "labels without the key, without the time, without a zone: which, and no output",
        arguments: [
            ("user,event_timestamp\n1,2026-03-03T00:00:00Z\n", "missing-column", "user_id"),
            ("user_id,time\n1,2026-03-03T00:00:00Z\n", "missing-column", "event_timestamp"),
            ("user_id,event_timestamp\n1,2026-03-03T00:00:00\n", "missing-time-zone", "event_timestamp"),
            ("user_id,event_timestamp\nann,2026-03-03T00:00:00Z\n", "type-mismatch", "user_id"),
        ])
    func badLabels(labels: String, code: String, words: String) throws {
        let tool = try Tool().prepared()
        tool.folder.write(labels, to: "labels.csv")
        let result = try tool.run("training-set", "score", "--labels", "labels.csv", "--out", "out.parquet")
        #expect(expectedFailure(result, code, status: 3, says: words) == nil)
        #expect(!tool.folder.exists("out.parquet"))
        #expect(!tool.folder.exists("out.parquet.partial"))
    }

    @Test("a column of another type: nothing is landed")
    func typeMismatch() throws {
        let tool = Tool()
        let other = try Tool().prepared()
        // A Parquet file whose `at` is a number.
        other.folder.write("user_id,event_timestamp,at,amount\n1,2026-03-03T00:00:00Z,5,1\n", to: "labels.csv")
        _ = try other.run("training-set", "score", "--labels", "labels.csv", "--out", "rows.parquet")
        #expect(try tool.run("apply").status == 0)
        let path = "\(other.folder.path)/rows.parquet"
        let result = try tool.run("ingest", "clicks", path)
        #expect(expectedFailure(result, "type-mismatch", status: 3, says: "column at", "timestamp") == nil)
        #expect(tool.tables == [])
    }

    @Test("a truncated Parquet file: its name, and nothing is landed")
    func truncatedParquet() throws {
        let tool = try Tool().prepared()
        #expect(try tool.run("training-set", "score", "--labels", "labels.csv", "--out", "whole.parquet").status == 0)
        let bytes = tool.folder.bytes(of: "whole.parquet")
        tool.folder.write(Array(bytes.dropLast(bytes.count / 2)), to: "torn.parquet")
        let before = tool.tables
        let result = try tool.run("ingest", "clicks", "torn.parquet")
        #expect(expectedFailure(result, "corrupt-data", status: 4, says: "torn.parquet") == nil)
        #expect(tool.tables == before)
        let labels = try tool.run("training-set", "score", "--labels", "torn.parquet", "--out", "out.parquet")
        #expect(expectedFailure(labels, "corrupt-data", status: 4, says: "torn.parquet") == nil)
    }

    @Test("a full disk: no half-written file, and the next run with room completes")
    func fullDisk() throws {
        let tool = try Tool().prepared()
        mkdir("\(tool.folder.path)/small", 0o755)
        // A file system of 256 KiB of its own, in a mount namespace that ends with the command.
        let script = """
            mount -t tmpfs -o size=256k none small && \
            \(Tool.executable) synth payments --rows 200000 --out small/payments.parquet; status=$?; ls -A small >&2; exit $status
            """
        let result = try runProcess(["unshare", "-rm", "sh", "-c", script], directory: tool.folder.path)
        #expect(expectedFailure(result, "disk-full", status: 4) == nil)
        #expect(!result.errors.contains("payments.parquet.partial\n"))
        let again = try tool.run("synth", "payments", "--rows", "1000", "--out", "small/payments.parquet")
        #expect(again.status == 0)
        #expect(tool.folder.exists("small/payments.parquet"))
    }

    @Test("a full disk under the tables: the table keeps its last version")
    func fullDiskUnderTables() throws {
        let tool = Tool()
        let rows = (0..<20_000).map { "\($0),\(Double($0) * 1.37),2026-03-01T00:00:00Z" }.joined(separator: "\n")
        tool.folder.write("user_id,amount,at\n" + rows + "\n", to: "many.csv")
        mkdir("\(tool.folder.path)/.martlet", 0o755)
        mkdir("\(tool.folder.path)/.martlet/tables", 0o755)
        let script = """
            mount -t tmpfs -o size=128k none .martlet/tables && \(Tool.executable) apply >/dev/null && \
            \(Tool.executable) ingest clicks clicks.csv >/dev/null && \
            \(Tool.executable) ingest clicks many.csv; status=$?; \(Tool.executable) tables --json; exit $status
            """
        let result = try runProcess(["unshare", "-rm", "sh", "-c", script], directory: tool.folder.path)
        #expect(expectedFailure(result, "disk-full", status: 4) == nil)
        // What reached bronze whole stays there and waits; silver is as it was.
        #expect(result.output.contains("\"table\":\"bronze.clicks\",\"version\":"))
        #expect(result.output.contains("\"table\":\"silver.clicks\",\"version\":0,\"rows\":2"))
    }

    @Test("a port in use: which one")
    func portInUse() throws {
        let tool = try Tool().prepared()
        #expect(try tool.run("materialize").status == 0)
        let server = try RunningProcess([Tool.executable, "serve", "--port", "0"], directory: tool.folder.path)
        try server.waitForOutput("http://127.0.0.1:")
        let port = server.output.split(separator: ":").last.map { String($0.prefix { $0.isNumber }) } ?? ""
        #expect(expectedFailure(try tool.run("serve", "--port", port), "port-in-use", status: 4, says: port) == nil)
        server.signal(SIGTERM)
        #expect(server.wait().status == 0)
    }

    @Test("a corrupt log entry: the file, and the table is left as it is")
    func corruptLog() throws {
        let tool = try Tool().prepared()
        let entry = ".martlet/tables/default/test/silver.clicks/_delta_log/00000000000000000000.json"
        #expect(tool.folder.exists(entry))
        tool.folder.write("{\"protocol\":", to: entry)
        tool.folder.write("user_id,amount,at\n2,1,2026-03-04T00:00:00Z\n", to: "more.csv")
        let result = try tool.run("ingest", "clicks", "more.csv")
        #expect(expectedFailure(result, "corrupt-data", status: 4, says: "00000000000000000000.json") == nil)
        #expect(tool.folder.text(of: entry) == "{\"protocol\":")
    }

    @Test("a missing DuckDB library: where it was looked for, and what to run")
    func missingLibrary() throws {
        let tool = Tool()
        #expect(try tool.run("apply").status == 0)
        let result = try tool.run(
            "ingest", "clicks", "clicks.csv", environment: ["MARTLET_DUCKDB_LIB": "/nowhere/libduckdb.so"])
        #expect(
            expectedFailure(result, "missing-library", status: 4, says: "/nowhere/libduckdb.so", "scripts/bootstrap")
                == nil)
        #expect(tool.tables == [])
    }

    @Test("a folder that is no repository, and a damaged registry")
    func noRepository() throws {
        let tool = Tool()
        #expect(try tool.run("plan", "--repository", "/nowhere").status == 3)
        tool.folder.write(String(repeating: "x", count: 8_192), to: ".martlet/registry.db")
        #expect(expectedFailure(try tool.run("plan"), "corrupt-data", status: 4) == nil)
    }

    @Test("with --json an error is JSON too")
    func jsonErrors() throws {
        let result = try Tool().run("ingest", "clikcs", "x.csv", "--json")
        let error = try JSONValue(parsing: result.errors)
        #expect(error["error"]?["code"]?.string == "unknown-name")
        #expect(result.output.isEmpty)
    }
}
