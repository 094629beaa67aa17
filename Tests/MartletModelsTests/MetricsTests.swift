import MartletCore
import MartletModels
import Testing

struct MetricsTests {
    struct Case: Sendable, CustomStringConvertible {
        let description: String
        let scores: [Float]
        let labels: [Float]
        let averagePrecision: Double
        let areaUnderROC: Double
    }

    // Worked out on paper.
    static let cases = [
        Case(
            description: "perfect order", scores: [0.9, 0.8, 0.2, 0.1], labels: [1, 1, 0, 0], averagePrecision: 1,
            areaUnderROC: 1),
        Case(
            description: "worst order", scores: [0.9, 0.8, 0.2, 0.1], labels: [0, 0, 1, 1],
            averagePrecision: (1.0 / 3 + 2.0 / 4) / 2, areaUnderROC: 0),
        Case(
            description: "one wrong pair", scores: [0.9, 0.8, 0.7, 0.6], labels: [1, 0, 1, 0],
            averagePrecision: (1 + 2.0 / 3) / 2, areaUnderROC: 0.75),
        Case(
            description: "all equal", scores: [0.5, 0.5, 0.5, 0.5], labels: [1, 0, 0, 0], averagePrecision: 0.25,
            areaUnderROC: 0.5),
        Case(
            description: "a tie across the classes", scores: [0.9, 0.5, 0.5, 0.1], labels: [1, 1, 0, 0],
            averagePrecision: (1 + 2.0 / 3) / 2, areaUnderROC: (2 + 1.5) / 4),
    ]

    @Test("the areas are those worked out by hand", arguments: cases)
    func byHand(_ example: Case) {
        #expect(
            abs(averagePrecision(scores: example.scores, labels: example.labels) - example.averagePrecision) < 1e-12)
        #expect(abs(areaUnderROC(scores: example.scores, labels: example.labels) - example.areaUnderROC) < 1e-12)
    }

    @Test("with many ties the areas equal those of brute force", arguments: 0..<20 as Range<UInt64>)
    func bruteForce(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let count = 20 + Int(random.next() % 60)
        let scores = (0..<count).map { _ in Float(random.next() % 8) / 8 }
        var labels = (0..<count).map { _ in Float(random.next() % 3 == 0 ? 1 : 0) }
        labels[0] = 1
        labels[1] = 0

        // Average precision: every threshold by a full scan, and the step in recall it brings.
        var expected = 0.0
        var recallBefore = 0.0
        let positives = Double(labels.count { $0 == 1 })
        for threshold in Set(scores).sorted(by: >) {
            let chosen = labels.indices.filter { scores[$0] >= threshold }
            let found = Double(chosen.count { labels[$0] == 1 })
            expected += (found / positives - recallBefore) * found / Double(chosen.count)
            recallBefore = found / positives
        }
        let precision = averagePrecision(scores: scores, labels: labels)
        #expect(abs(precision - expected) < 1e-12, "seed \(seed)")

        // AUC-ROC: every pair.
        var wins = 0.0
        var pairs = 0.0
        for positive in labels.indices where labels[positive] == 1 {
            for negative in labels.indices where labels[negative] == 0 {
                pairs += 1
                wins += scores[positive] > scores[negative] ? 1 : scores[positive] == scores[negative] ? 0.5 : 0
            }
        }
        #expect(abs(areaUnderROC(scores: scores, labels: labels) - wins / pairs) < 1e-12, "seed \(seed)")

        // No metric depends on the order of the rows.
        let order = labels.indices.shuffled(using: &random)
        let again = averagePrecision(scores: order.map { scores[$0] }, labels: order.map { labels[$0] })
        #expect(again == precision, "seed \(seed)")
    }

    @Test("precision at k counts a tied last place by its chance")
    func precisionAtK() {
        let scores: [Float] = [0.9, 0.5, 0.5, 0.1]
        let labels: [Float] = [1, 1, 0, 0]
        #expect(precision(at: 1, scores: scores, labels: labels) == 1)
        #expect(precision(at: 2, scores: scores, labels: labels) == 0.75)
        #expect(abs(precision(at: 3, scores: scores, labels: labels) - 2.0 / 3) < 1e-12)
        #expect(precision(at: 4, scores: scores, labels: labels) == 0.5)
        #expect(precision(at: 100, scores: scores, labels: labels) == 0.5)
        #expect(precision(at: 0, scores: scores, labels: labels).isNaN)
        #expect(precision(at: 5, scores: [], labels: []).isNaN)
    }

    @Test("log loss is the mean of minus the logarithms, and finite for a sure mistake")
    func logLosses() {
        let loss = logLoss(probabilities: [0.5, 0.25], labels: [1, 0])
        #expect(abs(loss - (0.6931471805599453 + 0.2876820724517809) / 2) < 1e-9)
        #expect(abs(logLoss(probabilities: [0], labels: [1]) - 34.538776394910684) < 1e-9)
        #expect(logLoss(probabilities: [], labels: []).isNaN)
    }

    @Test("metrics without a meaning are NaN, not a number that looks good")
    func meaningless() {
        #expect(averagePrecision(scores: [0.1, 0.2], labels: [0, 0]).isNaN)
        #expect(areaUnderROC(scores: [0.1, 0.2], labels: [1, 1]).isNaN)
        #expect(areaUnderROC(scores: [0.1, 0.2], labels: [0, 0]).isNaN)
        #expect(averagePrecision(scores: [], labels: []).isNaN)
        #expect(baseRate([]).isNaN)
        #expect(baseRate([1, 0, 0, 0]) == 0.25)
    }
}
