import MartletCore
import MartletDefinitions
import Testing

@Suite("Lists, maps and vectors in definitions")
struct NestedColumnTests {
    private func check(_ columns: String, _ view: String) -> RepositoryText {
        let text = """
            entity: document
            key: id
            type: int64
            ---
            source: documents
            columns:
              id: {type: int64, nullable: false}
              at: {type: timestamp, nullable: false}
            \(columns)
            event_time: at
            ---
            features: documents_now
            entity: document
            source: documents
            \(view)
            """
        return RepositoryText(checking: [.init(path: "a.yaml", text: text)]) {
            .failure(MartletError(.notFound, "no file \($0)"))
        }
    }

    @Test("are read, and kept in the canonical text")
    func reads() throws {
        let read = check(
            "  v: list<float32>\n  counts: {type: \"map<string,int64>\"}\n"
                + "  names: {type: list<string>, nullable: false}",
            """
            latest:
              counts: counts
              near: {column: v, vector: {dimensions: 384, metric: inner_product}, description: from a model}
            """)
        #expect(read.faults.isEmpty, "\(read.faults)")
        for case .source(let source) in read.definitions {
            #expect(source.columns.map(\.type).suffix(3) == [.list(.float32), .map(.int64), .list(.string)])
            #expect(try Definition(canonical: Definition.source(source).canonicalText) == .source(source))
        }
        for case .features(let view) in read.definitions {
            #expect(
                view.features
                    == .latest([
                        LatestFeature(name: "counts", column: "counts", type: .map(.int64)),
                        LatestFeature(
                            name: "near", column: "v", type: .list(.float32),
                            vector: VectorSearch(metric: .innerProduct, dimensions: 384),
                            description: "from a model"),
                    ]))
            let text = Definition.features(view).canonicalText
            guard case .features(let stored) = try Definition(canonical: text) else { continue }
            #expect(stored.features == view.features)
        }
        #expect(read.definitions.count == 3)
    }

    @Test("the metric of a vector is the cosine where none is given")
    func standard() {
        let read = check("  v: list<float32>", "latest: {v: {vector: {dimensions: 3}}}")
        for case .features(let view) in read.definitions {
            #expect(
                view.features
                    == .latest([
                        LatestFeature(
                            name: "v", column: "v", type: .list(.float32),
                            vector: VectorSearch(metric: .cosine, dimensions: 3))
                    ]))
        }
        #expect(read.faults.isEmpty)
    }

    @Test(
        "are refused where they have no meaning",
        arguments: [
            ("  v: list<float32>", "windows: [1d]\naggregates: {x: sum(v)}", "sum needs a column of one value a row"),
            (
                "  v: list<float32>", "windows: [1d]\naggregates: {x: count(v)}",
                "count needs a column of one value a row"
            ),
            ("  v: list<float64>", "latest: {v: {vector: {dimensions: 3}}}", "vectors are lists of float32"),
            ("  v: list<float32>", "latest: {v: {vector: {}}}", "dimensions"),
            ("  v: list<float32>", "latest: {v: {vector: {dimensions: 0}}}", "dimensions"),
            ("  v: list<float32>", "latest: {v: {vector: {dimensions: 3, metric: cos}}}", "cannot be `cos`"),
            (
                "  v: list<float32>\n  w: list<float32>",
                "latest: {v: {vector: {dimensions: 3}}, w: {vector: {dimensions: 3}}}", "the view has a vector already"
            ),
            ("  v: {type: list<float32>, constant: 1}", "latest: [v]", "has no `constant`"),
            ("  v: list<float>", "latest: [v]", "cannot be `list<float>`"),
        ])
    func refusals(columns: String, view: String, message: String) {
        let faults = check(columns, view).faults
        #expect(faults.contains { $0.message.contains(message) }, "\(faults)")
    }
}
