internal import Glibc
package import MartletCore

/// Runs `integrations/spark/martlet_spark.py`: one Spark application for each job, in a process of its own.
package struct SparkDriver: Sendable {
    /// A Python with pyspark and pyarrow.
    private let python: String
    private let script: String
    private let master: String
    /// What Spark may take to clean up when it is told to end.
    private let graceMilliseconds: Int

    /// - Parameter master: where Spark runs, as its `--master` takes it: `local[*]`, `spark://host:7077`, `yarn`.
    /// - Throws: `missingLibrary` where the driver is not found.
    package init(master: String) throws {
        guard let script = Self.setting("MARTLET_SPARK_DRIVER", "integrations/spark/martlet_spark.py") else {
            throw MartletError(
                .missingLibrary, "the Spark driver martlet_spark.py was not found",
                fix: "set MARTLET_SPARK_DRIVER to its path")
        }
        self.init(
            python: Self.setting("MARTLET_SPARK_PYTHON", ".deps/peers/bin/python") ?? "/usr/bin/python3",
            script: script, master: master)
    }

    package init(python: String, script: String, master: String, graceMilliseconds: Int = 10_000) {
        self.python = python
        self.script = script
        self.master = master
        self.graceMilliseconds = graceMilliseconds
    }

    /// Runs the job that a file describes, to its end. What the driver started has ended then, too.
    /// - Parameters:
    ///   - log: gets what Spark and the driver print; made anew.
    ///   - memoryBytes: of the driver, which in local mode does all the work.
    /// - Throws: `missingLibrary` where Python, pyspark or Java is not there, `storeUnavailable` where the job failed,
    ///   `cancelled`.
    package func run(job: String, log: String, memoryBytes: Int, cancellation: Cancellation) throws {
        let words = [python, script, job, master, "\(max(1, memoryBytes >> 20))m"]
        let status = try ProcessGroup(words, log: log)?.wait(
            graceMilliseconds: graceMilliseconds, cancellation: cancellation)
        switch status ?? 127 {
        case 0: return
        case 3, 127:
            throw MartletError(
                .missingLibrary, "Spark cannot be started with \(python)", place: .init(file: log),
                fix: "run scripts/bootstrap --peers, or set MARTLET_SPARK_PYTHON to a Python with pyspark and pyarrow; "
                    + "Spark needs Java 17")
        case let status:
            throw MartletError(
                .storeUnavailable, "the Spark job failed (status \(status))", place: .init(file: log),
                fix: "see the end of that file for the reason")
        }
    }

    /// An environment variable, else a file in a folder at or above the executable's.
    private static func setting(_ variable: String, _ relative: String) -> String? {
        if let value = unsafe getenv(variable) { return unsafe String(cString: value) }
        guard let executable = unsafe realpath("/proc/self/exe", nil) else { return nil }
        defer { unsafe free(executable) }
        var folder = Substring(unsafe String(cString: executable))
        while let slash = folder.lastIndex(of: "/") {
            folder = folder[..<slash]
            if access("\(folder)/\(relative)", R_OK) == 0 { return "\(folder)/\(relative)" }
        }
        return nil
    }
}
