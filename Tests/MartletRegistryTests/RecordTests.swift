import MartletCore
import MartletRegistry
import Testing

@Suite("Records of what was done")
struct RecordTests {
    private let fixture: RegistryFixture
    private var registry: Registry { fixture.registry }

    init() throws { fixture = try RegistryFixture() }

    private func code(_ body: () throws -> Void) -> MartletError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? MartletError)?.code
        }
    }

    private func ingest(_ source: String, _ key: String) -> IngestRecord {
        IngestRecord(
            source: source, idempotencyKey: key, origins: ["a.csv", "b \"c\".csv"], rowsRead: 10, rowsLanded: 8,
            rowsQuarantined: 2, tableVersions: ["bronze.\(source)": 3, "silver.\(source)": 4], ingestedAt: fixture.now,
            principal: "ada")
    }

    @Test("an ingest is recorded once for its source and key")
    func ingests() throws {
        #expect(try registry.record(ingest("payments", "k1")) == 1)
        #expect(try registry.record(ingest("payments", "k2")) == 2)
        #expect(try registry.record(ingest("customers", "k1")) == 3)
        var repeated = ingest("payments", "k1")
        repeated.rowsLanded = 0
        #expect(try registry.record(repeated) == 1)
        var expected = ingest("payments", "k1")
        expected.id = 1
        #expect(try registry.ingest(source: "payments", idempotencyKey: "k1") == expected)
        #expect(try registry.ingest(source: "payments", idempotencyKey: "k3") == nil)
        #expect(try registry.ingests().map(\.id) == [3, 2, 1])
        #expect(try registry.ingests(source: "payments", limit: 1).map(\.id) == [2])
    }

    @Test("a materialization is recorded at its start and updated until it ends")
    func materializations() throws {
        var record = MaterializationRecord(
            view: "spending", version: 2, tableVersions: ["silver.payments": 7], upTo: fixture.now,
            startedAt: fixture.now, principal: "ada")
        record.id = try registry.record(record)
        #expect(record.id == 1)
        #expect(try registry.materializations(view: "spending") == [record])
        record.progress = "chunk 3"
        record.rowCount = 500
        #expect(try registry.record(record) == 1)
        #expect(try registry.materializations(state: .running) == [record])
        record.state = .finished
        record.progress = nil
        record.endedAt = fixture.now + .seconds(2)
        try registry.record(record)
        #expect(try registry.materializations(view: "spending", state: .finished) == [record])
        #expect(try registry.materializations(state: .running).isEmpty)
        #expect(try registry.materializations(view: "other").isEmpty)
        record.id = 9
        #expect(code { try registry.record(record) } == .notFound)
    }

    @Test("a training set keeps all that is needed to build it again")
    func trainingSets() throws {
        var record = TrainingSetRecord(
            service: "score", revision: 3, definitionVersions: ["features spending": 2],
            tableVersions: ["silver.payments": 7],
            labelInput: "labels.csv", labelDigest: "ab", options: ["as_known": "true", "time": "at"],
            output: "set.parquet", rowCount: 100_000, hash: "00ff", outputHash: "11ee",
            columns: [
                DatasetColumn(name: "user", type: "string", hash: "01", nullCount: 0),
                DatasetColumn(
                    name: "sum_1h", type: "float64", feature: "spending:sum_1h", hash: "02", nullCount: 3,
                    mean: 0.1 + 0.2,
                    minimum: -1, maximum: .infinity),
            ], createdAt: fixture.now, principal: "ada")
        record.id = try registry.record(record)
        #expect(try registry.trainingSet(1) == record)
        try registry.move(trainingSet: 1, to: "again.parquet", outputHash: "22dd")
        (record.output, record.outputHash) = ("again.parquet", "22dd")
        #expect(try registry.trainingSet(1) == record)
        let first = record
        record.service = "other"
        record.id = try registry.record(record)
        #expect(record.id == 2)
        #expect(try registry.trainingSets() == [record, first])
        #expect(try registry.trainingSets(service: "score") == [first])
        #expect(code { _ = try registry.trainingSet(3) } == .notFound)
    }

    @Test("a run of a model keeps its parameters and metrics exactly, numbers that are none included")
    func modelRuns() throws {
        var record = ModelRunRecord(
            service: "score", trainingSet: 1, parameters: ["depth": "6", "eta": "0.1"],
            metrics: ["auc_pr": 0.1 + 0.2, "rows": 3, "loss": .infinity], tableVersions: ["silver.payments": 7],
            definitionVersions: ["features spending": 2], modelPath: "models/1.json", modelHash: "abc",
            startedAt: fixture.now, endedAt: fixture.now + .seconds(9), principal: "ada")
        record.id = try registry.record(record)
        #expect(try registry.modelRun(1) == record)
        record.trainingSet = nil
        record.metrics = ["auc_pr": .nan]
        #expect(try registry.record(record) == 2)
        let second = try registry.modelRun(2)
        #expect(second.trainingSet == nil && second.metrics["auc_pr"]?.isNaN == true)
        #expect(try registry.modelRuns(service: "score").map(\.id) == [2, 1])
        #expect(code { _ = try registry.modelRun(3) } == .notFound)
    }

    @Test("an answer is kept for its operation and key, and another request with the key is refused")
    func answers() throws {
        func record(_ answer: String, request: String = "r1") throws -> String {
            try registry.record(
                IdempotencyRecord(
                    operation: "train", key: "k", request: request, answer: answer, createdAt: fixture.now))
        }
        #expect(try registry.answer(operation: "train", key: "k", request: "r1") == nil)
        #expect(try record("{\"a\":1}") == "{\"a\":1}")
        #expect(try record("{\"a\":2}") == "{\"a\":1}")
        #expect(try registry.answer(operation: "train", key: "k", request: "r1") == "{\"a\":1}")
        #expect(try registry.answer(operation: "other", key: "k", request: "r1") == nil)
        #expect(code { _ = try record("{}", request: "r2") } == .conflict)
        #expect(code { _ = try registry.answer(operation: "train", key: "k", request: "r2") } == .conflict)
    }

    @Test("records are numbered by workspace, and another one sees none of them")
    func walls() throws {
        try registry.record(ingest("payments", "k"))
        let (other, _) = fixture.other(tenant: "rival", workspace: "fraud")
        #expect(try other.ingests().isEmpty)
        #expect(try other.record(ingest("payments", "k")) == 1)
        #expect(try registry.ingests().count == 1)
    }

    @Test("a record whose statement fails is not there")
    func failure() throws {
        for statement in 1...4 {
            fixture.failStatement(statement)
            #expect(throws: RegistryFixture.Stop.self) { try registry.record(ingest("payments", "k")) }
            fixture.failStatement(nil)
            #expect(try registry.ingests().isEmpty)
        }
    }
}
