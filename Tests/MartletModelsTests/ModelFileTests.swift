import MartletCore
import MartletModels
import MartletTestSupport
import Testing

struct ModelFileTests {
    private func trained() throws -> (model: GradientBoostedTrees, rows: RecordBatch) {
        let rows = toyRows(1_000, noise: 0.3)
        let task = TrainingTask(
            features: ["signal", "shop", "blind"], label: "label", time: "time", parameters: TrainingTests.quick)
        return (try task.run(rows).model, rows)
    }

    @Test("a model that was saved and loaded predicts the same and is the same bytes")
    func roundTrip() throws {
        let (model, rows) = try trained()
        try withTemporaryFolder { folder in
            try model.save(to: "\(folder)/model.json")
            let loaded = try GradientBoostedTrees.load(from: "\(folder)/model.json")
            #expect(try loaded.predict(rows) == model.predict(rows))
            #expect(loaded.encodings == model.encodings)
            #expect(loaded.rounds == model.rounds)
            #expect(try loaded.importance() == model.importance())
            #expect(try loaded.serialized() == model.serialized())
            #expect(files(in: folder) == ["model.json"])
        }
    }

    @Test("a row has the same score alone and among others, in any order")
    func rowByRow() throws {
        let (model, rows) = try trained()
        let all = try model.predict(rows)
        #expect(try model.predict(rows, rows: [999, 3, 3]) == [all[999], all[3], all[3]])
        #expect(try model.predict(rows, rows: []) == [])
    }

    @Test("a file that is absent, empty, cut off or something else is refused")
    func broken() throws {
        let (model, _) = try trained()
        let bytes = try model.serialized()
        try withTemporaryFolder { folder in
            let path = "\(folder)/model.json"
            #expect(code { _ = try GradientBoostedTrees.load(from: path) } == .notFound)
            let foreign = Array(#"{"learner":{"attributes":{}}}"#.utf8)
            for content in [[], Array("not a model".utf8), Array(bytes.prefix(bytes.count / 2)), foreign] {
                write(content, to: path)
                #expect(code { _ = try GradientBoostedTrees.load(from: path) } == .corruptData)
            }
            #expect(code { try model.save(to: "\(folder)/absent/model.json") } == .fileSystem)
        }
    }

    @Test("saving over an existing model replaces it whole")
    func replaces() throws {
        let (model, rows) = try trained()
        try withTemporaryFolder { folder in
            write(Array("old".utf8), to: "\(folder)/model.json")
            try model.save(to: "\(folder)/model.json")
            #expect(try GradientBoostedTrees.load(from: "\(folder)/model.json").predict(rows) == model.predict(rows))
            #expect(files(in: folder) == ["model.json"])
        }
    }

    @Test("scoring rows of another type or without a feature is refused")
    func mismatch() throws {
        let (model, rows) = try trained()
        let renamed = RecordBatch([("signal", rows.columns[0]), ("shop", rows.columns[2])])
        #expect(code { _ = try model.predict(renamed) } == .missingColumn)
        let retyped = RecordBatch([
            ("signal", rows.columns[2]), ("shop", rows.columns[2]), ("blind", rows.columns[1]),
        ])
        #expect(code { _ = try model.predict(retyped) } == .typeMismatch)
    }
}
