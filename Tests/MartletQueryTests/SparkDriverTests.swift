import Dispatch
import Glibc
import MartletCore
import MartletQuery
import MartletTestSupport
import Synchronization
import Testing

/// A shell script in the place of the Spark driver.
private final class FakeDriver: Sendable {
    let folder = TemporaryFolder()

    /// - Parameter script: the folder of the job is its current one.
    init(_ script: String) { folder.write("cd \"$(dirname \"$1\")\"\n\(script)\n", to: "driver.sh") }

    func run(graceMilliseconds: Int = 10_000, cancellation: Cancellation = Cancellation()) throws {
        let driver = SparkDriver(
            python: "/bin/sh", script: "\(folder.path)/driver.sh", master: "local[2]",
            graceMilliseconds: graceMilliseconds)
        try driver.run(
            job: "\(folder.path)/job.json", log: "\(folder.path)/spark.log", memoryBytes: 3 << 20,
            cancellation: cancellation)
    }

    /// The number of a process that wrote it to a file.
    func process(_ name: String) -> Int? {
        // Complete with the end of its line.
        let text = folder.text(of: name)
        return text.hasSuffix("\n") ? Int(text.dropLast()) : nil
    }

    /// Cancels a run once its script has written the numbers of its two processes.
    /// - Returns: whether each still runs after the end of the run.
    func cancelled(graceMilliseconds: Int) throws -> (code: MartletError.Code?, running: [Bool]) {
        let (group, cancellation) = (DispatchGroup(), Cancellation())
        let code = Mutex<MartletError.Code?>(nil)
        startThread(group: group) {
            do {
                try self.run(graceMilliseconds: graceMilliseconds, cancellation: cancellation)
            } catch {
                code.withLock { $0 = (error as? MartletError)?.code }
            }
        }
        let processes = ["driver", "child"].map { name in waitFor { process(name) } }
        cancellation.cancel()
        group.wait()
        return (code.withLock { $0 }, try processes.map { isRunning(try #require($0)) })
    }
}

@Suite("Spark's driver")
struct SparkDriverTests {
    @Test("gets its job, its master and its memory, and its output is kept")
    func words() throws {
        let fake = FakeDriver("echo \"$@\"; echo and >&2; exec cat")
        try fake.run()
        #expect(fake.folder.text(of: "spark.log") == "\(fake.folder.path)/job.json local[2] 3m\nand\n")
    }

    @Test(
        "how it ends is an error that names the log",
        arguments: [("exit 3", MartletError.Code.missingLibrary), ("exit 5", .storeUnavailable)])
    func failures(script: String, code: MartletError.Code) throws {
        let fake = FakeDriver(script)
        let error = #expect(throws: MartletError.self) { try fake.run() }
        #expect(error?.code == code)
        #expect(error?.place?.file == "\(fake.folder.path)/spark.log")
    }

    @Test("a Python that is not there is a missing library")
    func absent() throws {
        let folder = TemporaryFolder()
        let driver = SparkDriver(python: "\(folder.path)/python", script: "x", master: "local")
        let error = #expect(throws: MartletError.self) {
            try driver.run(
                job: "", log: "\(folder.path)/spark.log", memoryBytes: 1, cancellation: Cancellation())
        }
        #expect(error?.code == .missingLibrary)
    }

    @Test("cancelled, it and what it started end")
    func cancelling() throws {
        let fake = FakeDriver("sleep 600 & echo $! > child; echo $$ > driver; wait")
        let found = try fake.cancelled(graceMilliseconds: 60_000)
        #expect(found.code == .cancelled)
        #expect(found.running == [false, false])
    }

    @Test("what does not heed SIGTERM is killed when its grace is over")
    func killing() throws {
        let fake = FakeDriver("trap '' TERM; sleep 600 & echo $! > child; echo $$ > driver; wait")
        let found = try fake.cancelled(graceMilliseconds: 200)
        #expect(found.code == .cancelled)
        #expect(found.running == [false, false])
    }

    @Test("what it leaves behind ends with it")
    func leftovers() throws {
        let fake = FakeDriver("sleep 600 & echo $! > child")
        try fake.run()
        #expect(!isRunning(try #require(fake.process("child"))))
    }

    @Test("it blocks no signal, whatever its parent does")
    func signals() throws {
        let fake = FakeDriver("exec grep SigBlk /proc/self/status")
        let group = DispatchGroup()
        startThread(group: group) {
            var signals = sigset_t()
            sigemptyset(&signals)
            sigaddset(&signals, SIGTERM)
            pthread_sigmask(SIG_BLOCK, &signals, nil)
            try? fake.run()
        }
        group.wait()
        #expect(fake.folder.text(of: "spark.log") == "SigBlk:\t0000000000000000\n")
    }
}
