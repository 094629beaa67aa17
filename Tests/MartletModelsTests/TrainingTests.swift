import MartletCore
import MartletModels
import Synchronization
import Testing

struct TrainingTests {
    static let quick = TreeParameters(rounds: 40, patience: 10, minimumChildWeight: 1)

    private func task(_ features: [String] = ["signal", "blind"], _ parameters: TreeParameters = quick) -> TrainingTask
    {
        TrainingTask(features: features, label: "label", time: "time", parameters: parameters)
    }

    @Test("a label that one feature decides is learned")
    func separable() throws {
        let (model, report) = try task().run(toyRows(2_000, noise: 0))
        #expect(report.testMetrics.areaUnderROC > 0.97)
        #expect(report.testMetrics.areaUnderPrecisionRecall > 0.93)
        #expect(report.importance.first?.name == "signal")
        #expect(model.rounds == report.rounds && report.rounds >= 1)
    }

    @Test("a label with much noise is learned better than by chance, and not perfectly")
    func noisy() throws {
        let report = try task().run(toyRows(4_000, noise: 0.6)).report
        #expect(report.testMetrics.areaUnderROC > 0.6 && report.testMetrics.areaUnderROC < 0.9)
        #expect(report.testMetrics.areaUnderPrecisionRecall > report.testMetrics.baseRate * 1.2)
    }

    @Test("a label that is noise alone is not learned")
    func noise() throws {
        let report = try task().run(toyRows(4_000, noise: 1)).report
        #expect(abs(report.testMetrics.areaUnderROC - 0.5) < 0.08)
    }

    @Test("a text is encoded by the order of its bytes, an unseen one and a null are missing")
    func texts() throws {
        let rows = toyRows(1_000, noise: 0.5)
        let (model, report) = try task(["shop", "empty"]).run(rows)
        #expect(report.testMetrics.areaUnderROC == 1)
        #expect(model.encodings.first?.categories == ["bar", "café", "zoo"])
        #expect(report.importance.map(\.name) == ["shop", "empty"])
        #expect(report.importance.last?.weight == 0)

        let strange = RecordBatch([
            ("shop", Column(.string(ByteStrings(["zoo", "never seen", "bar"])))),
            ("empty", Column.nulls(.int64, count: 3)),
        ])
        let missing = RecordBatch([
            ("shop", Column.nulls(.string, count: 1)), ("empty", Column.nulls(.int64, count: 1)),
        ])
        let scores = try model.predict(strange)
        #expect(scores[0] > 0.5 && scores[2] < 0.5)
        #expect(try model.predict(missing) == [scores[1]])
    }

    @Test("categories are learned from the training rows alone")
    func noPeeking() throws {
        let rows = toyRows(400, noise: 0.5)
        let shops = ByteStrings((0..<400).map { $0 < 200 ? "early" : "late" })
        let batch = RecordBatch([
            ("shop", Column(.string(shops))), ("label", rows["label"] ?? rows.columns[4]),
            ("time", rows["time"] ?? rows.columns[5]),
        ])
        var half = task(["shop"])
        half.validationFraction = 0.2
        half.testFraction = 0.3
        #expect(try half.run(batch).model.encodings.first?.categories == ["early"])
    }

    @Test("equal input gives equal bytes, another seed gives others")
    func reproducible() throws {
        let rows = toyRows(3_000, noise: 0.4)
        var other = Self.quick
        other.seed = 2
        let first = try task().run(rows).model.serialized()
        #expect(try task().run(rows).model.serialized() == first)
        #expect(try task(["signal", "blind"], other).run(rows).model.serialized() != first)
    }

    @Test("training ends early and keeps the best rounds, and with a patience of zero keeps all")
    func patience() throws {
        let rows = toyRows(1_500, noise: 0.7)
        var parameters = Self.quick
        parameters.rounds = 60
        parameters.patience = 3
        let early = try task(["signal", "blind"], parameters).run(rows)
        #expect(early.report.rounds < 57)
        parameters.patience = 0
        let all = try task(["signal", "blind"], parameters).run(rows)
        #expect(all.report.rounds == 60)
    }

    @Test("the report names the parts, the metrics and the parameters")
    func report() throws {
        let report = try task().run(toyRows(1_000, noise: 0.2)).report
        #expect([report.training.rows, report.validation.rows, report.test.rows] == [700, 150, 150])
        let start = Timestamp(year: 2026, month: 1, day: 1)
        #expect(report.training.from == start)
        #expect(report.validation.from == start + .minutes(700))
        #expect(report.test.from == start + .minutes(850))
        #expect(report.test.to == start + .minutes(999))

        var json = JSONWriter()
        report.write(to: &json)
        let tree = try JSONValue(parsing: json.text)
        #expect(tree["metrics"]?["test_auc_pr"]?.number == report.testMetrics.areaUnderPrecisionRecall)
        #expect(tree["metrics"]?["test_precision_at_100"]?.number != nil)
        #expect(tree["metrics"]?["test_precision_at_1000"] == nil)
        #expect(tree["parameters"]?["maximum_depth"]?.integer == 6)
        #expect(tree["parts"]?["test"]?["rows"]?.integer == 150)
        #expect(tree["parts"]?["test"]?["from"]?.string == "2026-01-01T14:10:00Z")
        #expect(tree["importance"]?.array?.count == 2)
        #expect(report.text().contains("AUC-PR"))
        #expect(report.text(top: 1).contains("signal") && !report.text(top: 1).contains("blind"))
    }

    @Test("progress counts the rounds")
    func progress() throws {
        final class Counter: ProgressReporter {
            let steps = Mutex<[Int]>([])
            func report(_ step: String, done: Int, total: Int?) { steps.withLock { $0.append(done) } }
        }
        let counter = Counter()
        var parameters = Self.quick
        parameters.rounds = 5
        parameters.patience = 0
        _ = try task(["signal"], parameters).run(toyRows(500, noise: 0.2), progress: counter)
        #expect(counter.steps.withLock { $0 } == [1, 2, 3, 4, 5])
    }
}

struct TrainingErrorTests {
    struct Case: Sendable, CustomStringConvertible {
        let description: String
        let code: MartletError.Code
        var features = ["signal"]
        var label = "label"
        var time = "time"
        var rows = toyRows(200, noise: 0.2)
    }

    static func replacing(_ name: String, _ column: Column) -> RecordBatch {
        let rows = toyRows(column.count, noise: 0.2)
        return RecordBatch(
            zip(rows.schema.names, rows.columns).map { ($0, $0 == name ? column : $1) })
    }

    static let cases = [
        Case(description: "no rows", code: .invalidInput, rows: toyRows(0, noise: 0)),
        Case(
            description: "one class", code: .invalidInput,
            rows: replacing("label", Column(.bool([Bool](repeating: false, count: 200))))),
        Case(
            description: "one class among the test rows", code: .invalidInput,
            rows: replacing("label", Column(.bool((0..<200).map { $0 < 150 && $0 % 2 == 0 })))),
        Case(description: "an unknown label", code: .missingColumn, label: "labels"),
        Case(description: "an unknown feature", code: .missingColumn, features: ["signal", "absent"]),
        Case(description: "an unknown time", code: .missingColumn, time: "times"),
        Case(description: "a label of text", code: .typeMismatch, label: "shop"),
        Case(description: "a label that is a time", code: .typeMismatch, label: "time"),
        Case(description: "a label with fractions", code: .invalidInput, label: "blind"),
        Case(description: "a label with nulls", code: .invalidInput, label: "empty"),
        Case(description: "a time that is a number", code: .typeMismatch, time: "blind"),
        Case(description: "no features", code: .invalidInput, features: []),
        Case(description: "a feature twice", code: .invalidInput, features: ["signal", "signal"]),
        Case(description: "the label as a feature", code: .invalidInput, features: ["signal", "label"]),
        Case(
            description: "a feature of bytes", code: .typeMismatch, features: ["shop"],
            rows: replacing("shop", Column(.bytes(ByteStrings((0..<200).map { "\($0)" }))))),
        Case(
            description: "a feature that is a key", code: .limitExceeded, features: ["shop"],
            rows: replacing("shop", Column(.string(ByteStrings((0..<16_000).map { "\($0)" }))))),
    ]

    @Test("a training set that cannot be learned from is refused", arguments: cases)
    func refused(_ example: Case) {
        let task = TrainingTask(features: example.features, label: example.label, time: example.time)
        #expect(code { _ = try task.run(example.rows) } == example.code)
    }

    @Test("a misspelt column is answered with the nearest name")
    func nearest() {
        let task = TrainingTask(features: ["signl"], label: "label", time: "time")
        #expect {
            try task.run(toyRows(200, noise: 0.1))
        } throws: {
            ($0 as? MartletError)?.fix == "Did you mean signal?"
        }
    }

    @Test("a parameter out of range is named")
    func parameters() {
        var parameters = TreeParameters()
        parameters.maximumDepth = 0
        let task = TrainingTask(features: ["signal"], label: "label", time: "time", parameters: parameters)
        #expect {
            try task.run(toyRows(200, noise: 0.1))
        } throws: {
            ($0 as? MartletError)?.code == .invalidSettings && "\($0)".contains("maximum_depth")
        }
    }

    @Test("infinities and NaN are numbers like others, not a crash")
    func infinities() throws {
        let count = 400
        let rows = Self.replacing(
            "signal",
            Column(.float64((0..<count).map { [Double.infinity, -Double.infinity, .nan, 1e300, 0][$0 % 5] })))
        let task = TrainingTask(features: ["signal"], label: "label", time: "time")
        let scores = try task.run(rows).model.predict(rows)
        #expect(scores.count == count && scores.allSatisfy { $0 > 0 && $0 < 1 })
    }
}
