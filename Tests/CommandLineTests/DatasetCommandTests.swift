import FoundationEssentials
import MartletCore
import MartletTestSupport
import Testing

@Suite("The commands for data sets")
struct DatasetCommandTests {
    private let tool = Tool()

    /// Two clicks of one user, of which the second arrives after the label, and two sets: as true and as known.
    init() throws {
        let definitions = Tool.definitions.split(separator: "arrival_time: at").joined(separator: "arrival_time: seen")
        let column = "  at: {type: timestamp, nullable: false}\n"
        tool.folder.write(
            definitions.split(separator: column).joined(separator: column + "  seen: timestamp\n"),
            to: "definitions.yaml")
        tool.folder.write(clicks(second: "4"), to: "clicks.csv")
        tool.folder.write(
            "user_id,event_timestamp\n1,2026-03-03T00:00:00Z\n7,2026-03-03T00:00:00Z\n", to: "labels.csv")
        _ = try tool.prepared()
        for arguments in [["--out", "a.csv"], ["--out", "b.csv", "--as-known"]] {
            let result = try runProcess(
                [Tool.executable, "training-set", "score", "--labels", "labels.csv"] + arguments,
                directory: tool.folder.path)
            #expect(result.status == 0, "\(result.errors)")
        }
    }

    private func clicks(second amount: String) -> String {
        "user_id,amount,at,seen\n1,2.5,2026-03-01T00:00:00Z,2026-03-01T00:00:00Z\n"
            + "1,\(amount),2026-03-02T00:00:00Z,2026-03-04T00:00:00Z\n"
    }

    @Test("list them, the newest first")
    func list() throws {
        let lines = try tool.run("datasets").output.split(separator: "\n").map {
            $0.split(separator: " ").map(String.init)
        }
        #expect(lines.map { $0[0] } == ["set", "2", "1"])
        #expect(lines[1...].map { [$0[1], $0[2], $0[5]] } == [["score", "2", "b.csv"], ["score", "2", "a.csv"]])
        let json = try JSONValue(parsing: try tool.run("datasets", "list", "--limit", "1", "--json").output)
        #expect(json.array?.map { $0["id"]?.integer } == [2])
        #expect(try tool.run("datasets", "list", "--service", "other", "--json").output == "[]\n")
    }

    @Test("show what one was made of, and its columns")
    func show() throws {
        let text = try tool.run("datasets", "show", "1").output
        #expect(text.hasPrefix("training set 1 of score, 2 rows, built "))
        #expect(text.contains("  clock        as true\n  tables       silver.clicks version 0\n"))
        let json = try JSONValue(parsing: try tool.run("datasets", "show", "1", "--json").output)
        let sum = json["columns"]?.array?.first { $0["name"]?.string == "amount_sum_30d" }
        #expect(sum?["mean"]?.number == 3.25 && sum?["max"]?.number == 6.5)
        #expect(sum?["feature"]?.string == "recent:amount_sum_30d")
        #expect(json["options"]?["as_known"]?.string == "false")
    }

    @Test("tell which columns of two differ, and why")
    func diff() throws {
        #expect(
            try tool.run("datasets", "diff", "1", "2").output == """
                training set 1 -> 2: 2 columns differ, 4 are equal
                ~ clicks_30d, mean -0.5000
                    clock changed: as true -> as known
                ~ amount_sum_30d, mean -2.0000
                    clock changed: as true -> as known

                """)
        let json = try JSONValue(parsing: try tool.run("datasets", "diff", "1", "1", "--json").output)
        #expect(json["equal"]?.bool == true && json["columns"]?.array?.isEmpty == true)
    }

    @Test("rebuild one with the same values, whatever was ingested since")
    func rebuild() throws {
        let bytes = tool.folder.bytes(of: "a.csv")
        tool.folder.write("user_id,amount,at,seen\n1,9,2026-03-02T01:00:00Z,2026-03-02T01:00:00Z\n", to: "more.csv")
        #expect(try tool.run("ingest", "clicks", "more.csv").status == 0)
        let hash = try JSONValue(parsing: try tool.run("datasets", "show", "1", "--json").output)["hash"]?.string
        for arguments in [["rebuild", "1"], ["rebuild", "1", "--out", "c.csv"]] {
            let result = try runProcess(
                [Tool.executable, "datasets"] + arguments + ["--json"], directory: tool.folder.path)
            #expect(result.status == 0, "\(result.errors)")
            #expect(try JSONValue(parsing: result.output)["hash"]?.string == hash)
        }
        #expect(tool.folder.bytes(of: "a.csv") == bytes)
        #expect(tool.folder.bytes(of: "c.csv") == bytes)
        #expect(try tool.run("datasets", "show", "1").output.contains("  output       c.csv\n"))
    }

    @Test("end with 1 where a rebuilt set has other values, and leave the old one")
    func otherValues() throws {
        // The rows of another repository under the name of these.
        let other = Tool()
        other.folder.write(tool.folder.text(of: "definitions.yaml"), to: "definitions.yaml")
        other.folder.write(clicks(second: "5"), to: "clicks.csv")
        _ = try other.prepared()
        let table = ".martlet/tables/default/test/silver.clicks"
        func part(_ tool: Tool) throws -> String {
            let names = try FileManager.default.contentsOfDirectory(atPath: "\(tool.folder.path)/\(table)")
            return "\(table)/" + (names.first { $0.hasSuffix(".parquet") } ?? "")
        }
        let rows = try part(tool)
        #expect(!tool.folder.bytes(of: rows).isEmpty)
        tool.folder.write(other.folder.bytes(of: try part(other)), to: rows)
        let names = try FileManager.default.contentsOfDirectory(atPath: tool.folder.path).sorted()
        let bytes = tool.folder.bytes(of: "a.csv")
        let result = try tool.run("datasets", "rebuild", "1")
        #expect(expectedFailure(result, "values-differ", status: 1, says: ", in amount_sum_30d", "show 1") == nil)
        #expect(tool.folder.bytes(of: "a.csv") == bytes)
        #expect(try FileManager.default.contentsOfDirectory(atPath: tool.folder.path).sorted() == names)
    }

    @Test(
        "refuse what they cannot do, and say what to write",
        arguments: [
            (["show", "9"], "not-found", 3, "no training set 9"), (["diff", "1"], "usage", 2, "two numbers"),
            (["lits"], "usage", 2, "did you mean list?"), (["rebuild", "x"], "usage", 2, "martlet datasets list"),
            (["rebuild", "1", "--out", "a.xyz"], "invalid-input", 3, ".parquet"),
        ] as [([String], String, Int32, String)])
    func refused(arguments: [String], code: String, status: Int32, words: String) throws {
        let result = try runProcess([Tool.executable, "datasets"] + arguments, directory: tool.folder.path)
        #expect(expectedFailure(result, code, status: status, says: words) == nil)
    }

    @Test("refuse to rebuild from other labels")
    func otherLabels() throws {
        tool.folder.write("user_id,event_timestamp\n1,2026-03-03T00:00:00Z\n", to: "labels.csv")
        let result = try tool.run("datasets", "rebuild", "1")
        #expect(expectedFailure(result, "conflict", status: 3, says: "labels.csv", "put the old file back") == nil)
    }

    @Test("count what differs between the clocks, and write nothing")
    func clocks() throws {
        let result = try tool.run("training-set", "score", "--labels", "labels.csv", "--compare-clocks")
        let lines = result.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(lines[0].joined(separator: " ").hasPrefix("2 label rows of score: values that differ"))
        #expect(
            lines[2...].map { $0 } == [
                ["clicks_1h", "0", "0", "0", "0"], ["clicks_30d", "1", "1", "0", "0", "0"],
                ["amount_sum_1h", "0", "0", "0", "0"], ["amount_sum_30d", "1", "1", "0", "0", "0"],
            ])
        let json = try JSONValue(
            parsing: try tool.run(
                "training-set", "score", "--labels", "labels.csv", "--compare-clocks", "--examples", "0", "--json"
            ).output)
        let late = json["features"]?.array?[1]
        #expect(late?["late"]?.integer == 1 && late?["corrected"]?.integer == 0)
        #expect(late?["examples"]?.array?.isEmpty == true)
        #expect(try JSONValue(parsing: try tool.run("datasets", "--json").output).array?.count == 2)
        let both = try tool.run("training-set", "score", "--labels", "labels.csv", "--compare-clocks", "--out", "c.csv")
        #expect(expectedFailure(both, "usage", status: 2, says: "leave --out away") == nil)
        #expect(!tool.folder.exists("c.csv"))
    }
}
