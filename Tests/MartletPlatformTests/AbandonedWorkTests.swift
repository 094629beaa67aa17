import FoundationEssentials
import Glibc
import MartletCore
import MartletPlatform
import MartletRegistry
import MartletTestSupport
import Testing

private let definitions =
    clicks + """
        features: recent
        entity: user
        source: clicks
        windows: [1h]
        aggregates: {clicks: count}
        ---
        service: score
        features: [recent]
        """

@Suite("What a command left behind that was killed")
struct AbandonedWorkTests {
    private let test: TestRepository

    init() throws {
        test = try TestRepository(
            definitions, files: ["martlet.yaml": "workspace: test\nlimits: {resumable_for: 3d}\n"])
        try test.ingest("clicks", csv: "user,amount,at,seen\nann,1,2026-03-01T10:10:00Z,2026-03-01T10:10:01Z\n")
        test.folder.write("user,event_timestamp\nann,2026-03-01T11:00:00Z\n", to: "labels.csv")
    }

    private func write(_ name: String, daysOld: Int64) throws {
        let path = test.path(name)
        let folder = path.split(separator: "/").dropLast().map { "/" + $0 }.joined()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        test.folder.write("{}", to: name)
        try age(name, daysOld)
    }

    private func age(_ name: String, _ days: Int64) throws {
        let time = TestRepository.now - .days(days)
        let date = Date(timeIntervalSince1970: Double(time.microseconds) / 1e6)
        try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: test.path(name))
    }

    private func names(_ folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: test.path(folder))) ?? []).sorted()
    }

    /// The commands that clean up.
    private func runs() -> [(String, () throws -> Void)] {
        let (test, request) = (test, TrainingSetRequest(service: "score", labels: test.path("labels.csv")))
        return [
            ("training set", { _ = try test.workspace.trainingSet(request) }),
            ("clocks", { _ = try test.workspace.compareClocks(request) }),
            ("load", { _ = try test.workspace.materialize(["recent"], principal: test.principal) }),
        ]
    }

    @Test("goes with the next command, but what could be gone on from stays for a time")
    func folders() throws {
        for (name, run) in runs() {
            try write(".martlet/temporary/training-set-none/labels.parquet", daysOld: 0)
            try write(".martlet/temporary/training-set-young/labels.done", daysOld: 2)
            try write(".martlet/temporary/training-set-old/labels.done", daysOld: 9)
            try write(".martlet/temporary/training-set-old/features-0-0.done", daysOld: 4)
            try write(".martlet/temporary/rebuild-7/rows.parquet", daysOld: 0)
            try write(".martlet/temporary/materialize/recent/part-0.parquet", daysOld: 0)
            // Of others.
            try write(".martlet/temporary/spark-1/spark.log", daysOld: 9)
            try run()
            #expect(names(".martlet/temporary") == ["spark-1", "training-set-young"], "\(name)")
            #expect(names(".martlet/locks").filter { $0.hasPrefix("training-set-") } == ["training-set-young.lock"])
        }
    }

    @Test("is told from what is in use by its lock, whoever holds it")
    func locked() throws {
        let folder = ".martlet/temporary/training-set-used"
        try write("\(folder)/labels.parquet", daysOld: 9)
        try write(".martlet/locks/training-set-used.lock", daysOld: 9)
        let descriptor = open(test.path(".martlet/locks/training-set-used.lock"), O_RDWR)
        #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
        for (name, run) in runs() {
            try run()
            #expect(names(folder) == ["labels.parquet"], "\(name)")
        }
        close(descriptor)
        try runs()[0].1()
        #expect(names(".martlet/temporary") == [])
    }

    @Test("of files that requests brought, goes when it is old and of no training set")
    func datasets() throws {
        let labels = Array("{\"user\":\"ann\",\"event_timestamp\":\"2026-03-01T11:00:00Z\"}\n".utf8)
        let request = TrainingSetRequest(service: "score", labels: "")
        let set = try test.workspace.writeTrainingSet(
            request, labels: labels, as: .jsonLines, principal: test.principal)
        let kept = names(".martlet/datasets/sets")
        let keptLabels = names(".martlet/datasets").filter { $0.hasPrefix("labels-") }
        #expect(kept.count == 1 && keptLabels.count == 1)
        try age(".martlet/datasets/sets/\(kept[0])", 9)
        try age(".martlet/datasets/\(keptLabels[0])", 9)
        for (name, run) in runs() {
            try write(".martlet/datasets/labels-0.ndjson", daysOld: 9)
            try write(".martlet/datasets/labels-1.ndjson", daysOld: 2)
            try write(".martlet/datasets/sets/0.parquet.partial", daysOld: 9)
            try write(".martlet/datasets/sets/1.parquet", daysOld: 2)
            try run()
            #expect(names(".martlet/datasets/sets") == (kept + ["1.parquet"]).sorted(), "\(name)")
            #expect(
                names(".martlet/datasets").filter { $0.hasPrefix("labels-") }
                    == (keptLabels + ["labels-1.ndjson"]).sorted(), "\(name)")
        }
        #expect(try test.workspace.datasetRows(set).count > 0)
        // Labels that come again when no set was made of them for long are in use.
        let text = "{\"user\":\"ann\",\"event_timestamp\":\"2026-03-02T11:00:00Z\"}\n"
        test.folder.write(text, to: "more.ndjson")
        let digest = try test.workspace.writeTrainingSet(
            TrainingSetRequest(service: "score", labels: test.path("more.ndjson")), to: test.path("more.parquet"),
            principal: test.principal
        ).labelDigest
        let name = ".martlet/datasets/labels-\(digest ?? "").ndjson"
        test.folder.write(text, to: name)
        try age(name, 9)
        let again = try test.workspace.writeTrainingSet(
            request, labels: Array(text.utf8), as: .jsonLines, principal: test.principal)
        #expect(again.labelInput.hasSuffix(name) && names(".martlet/datasets").contains(String(name.dropFirst(18))))
    }
}
