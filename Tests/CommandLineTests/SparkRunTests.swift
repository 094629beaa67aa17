import FoundationEssentials
import Glibc
import MartletTestSupport
import Testing

/// A repository whose engine is Spark, with a program in the place of Spark.
private final class SparkTool {
    let tool: Tool
    private let environment: [String: String]

    init(interpreter: String, _ script: String) throws {
        tool = try Tool().prepared()
        tool.folder.write("workspace: test\nengine: spark\n", to: "martlet.yaml")
        tool.folder.write(script, to: "driver")
        environment = [
            "MARTLET_SPARK_PYTHON": interpreter, "MARTLET_SPARK_DRIVER": "\(tool.folder.path)/driver",
        ]
    }

    func start() throws -> RunningProcess {
        try RunningProcess(
            [Tool.executable, "training-set", "score", "--labels", "labels.csv", "--out", "out.csv"],
            directory: tool.folder.path, environment: environment)
    }

    /// What lies in the folders of jobs.
    var leftovers: [String] {
        let temporary = "\(tool.folder.path)/.martlet/temporary"
        let jobs = files(temporary).filter { $0.hasPrefix("spark-") }
        return jobs.flatMap { job in ["job"] + files("\(temporary)/\(job)") }
    }

    private func files(_ folder: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder))?.sorted() ?? []
    }
}

@Suite("A run of Spark")
struct SparkRunTests {
    @Test("stopped by a signal, it leaves no process and no file", arguments: [SIGTERM, SIGINT])
    func stopping(signal: Int32) throws {
        let spark = try SparkTool(
            interpreter: "/bin/sh",
            "sleep 600 & echo $! > child; echo $$ > driver; echo part > \"$(dirname \"$1\")/view0\"; wait")
        let run = try spark.start()
        let processes = ["driver", "child"].map { name in
            waitFor { () -> Int? in
                let text = spark.tool.folder.text(of: name)
                return text.hasSuffix("\n") ? Int(text.dropLast()) : nil
            }
        }
        run.signal(signal)
        #expect(expectedFailure(run.wait(), "cancelled", status: 4) == nil)
        for process in processes { #expect(!isRunning(try #require(process))) }
        #expect(spark.leftovers.isEmpty)
        #expect(!spark.tool.folder.exists("out.csv"))
    }

    @Test("where it fails, only its log stays, and the error names it")
    func failing() throws {
        let spark = try SparkTool(
            interpreter: "/bin/sh", "echo why it broke; mkdir \"$(dirname \"$1\")/view0\"; exit 7")
        let result = try spark.start().wait()
        #expect(
            expectedFailure(result, "store-unavailable", status: 4, says: "/spark.log", "the end of that file") == nil)
        #expect(spark.leftovers == ["job", "spark.log"])
        let log = try #require(result.errors.split(separator: ":").first { $0.hasSuffix("/spark.log") })
        let path = log.drop { $0 != "/" }
        #expect(String(decoding: fileBytes(String(path)), as: UTF8.self) == "why it broke\n")
    }

    @Test("where its answer cannot be read, the error names the log, too")
    func unreadable() throws {
        let spark = try SparkTool(interpreter: "/bin/sh", "echo all is well")
        let result = try spark.start().wait()
        #expect(result.status != 0 && result.errors.contains("/spark.log"), "\(result.errors)")
        #expect(spark.leftovers == ["job", "spark.log"])
    }

    @Test("where it succeeds, its answer is in the set and nothing stays")
    func succeeding() throws {
        let spark = try SparkTool(
            interpreter: "\(packageFolder)/.deps/venv/bin/python",
            """
            import json, os, sys, duckdb
            job = json.load(open(sys.argv[1]))
            for view in job["views"]:
                os.mkdir(view["output"])
                columns = ", ".join(f"CAST(7 AS {one['type']}) AS {one['name']}" for one in view["features"])
                duckdb.sql(f"COPY (SELECT row, {columns} FROM '{job['labels']}') TO '{view['output']}/part.parquet'")
            """)
        let result = try spark.start().wait()
        #expect(result.status == 0, "\(result.errors)")
        #expect(
            spark.tool.folder.text(of: "out.csv").split(separator: "\n").map(String.init)
                == [
                    "user_id,event_timestamp,clicks_1h,clicks_30d,amount_sum_1h,amount_sum_30d",
                    "1,2026-03-03 00:00:00+00,7,7,7.0,7.0",
                ])
        #expect(spark.leftovers.isEmpty)
    }
}
