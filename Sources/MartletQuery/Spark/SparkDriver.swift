internal import Glibc
internal import MartletCore

/// Runs `integrations/spark/martlet_spark.py`: one Spark application for each job, in a process of its own.
package struct SparkDriver: Sendable {
    /// A Python with pyspark and pyarrow.
    private let python: String
    private let script: String
    private let master: String

    /// - Parameter master: where Spark runs, as its `--master` takes it: `local[*]`, `spark://host:7077`, `yarn`.
    /// - Throws: `missingLibrary` where the driver is not found.
    package init(master: String) throws {
        guard let script = Self.setting("MARTLET_SPARK_DRIVER", "integrations/spark/martlet_spark.py") else {
            throw MartletError(
                .missingLibrary, "the Spark driver martlet_spark.py was not found",
                fix: "set MARTLET_SPARK_DRIVER to its path")
        }
        self.script = script
        self.master = master
        python = Self.setting("MARTLET_SPARK_PYTHON", ".deps/peers/bin/python") ?? "/usr/bin/python3"
    }

    /// Runs the job that a file describes, to its end.
    /// - Parameters:
    ///   - log: gets what Spark and the driver print; it stays where the job fails.
    ///   - memoryBytes: of the driver, which in local mode does all the work.
    /// - Throws: `missingLibrary` where Python, pyspark or Java is not there, `storeUnavailable` where the job failed.
    package func run(job: String, log: String, memoryBytes: Int) throws {
        let words = [python, script, job, master, "\(max(1, memoryBytes >> 20))m"]
        let status = try spawn(words, log: log)
        switch status {
        case 0: return
        case 3, 127:
            throw MartletError(
                .missingLibrary, "Spark cannot be started with \(python)", place: .init(file: log),
                fix: "run scripts/bootstrap --peers, or set MARTLET_SPARK_PYTHON to a Python with pyspark and pyarrow; "
                    + "Spark needs Java 17")
        default:
            throw MartletError(
                .storeUnavailable, "the Spark job failed (status \(status))", place: .init(file: log),
                fix: "see the end of that file for the reason")
        }
    }

    private func spawn(_ words: [String], log: String) throws -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var pointers = words.map { unsafe strdup($0) } + [nil]
        defer { for pointer in pointers { unsafe free(pointer) } }
        var process: pid_t = 0
        let code = unsafe posix_spawnp(&process, words[0], &actions, nil, &pointers, environ)
        guard code == 0 else { return 127 }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 {
            guard errno == EINTR else { throw MartletError(.internalFault, "the Spark driver is nobody's child") }
        }
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
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
