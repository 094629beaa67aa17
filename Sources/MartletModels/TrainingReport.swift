package import MartletCore

/// What a training did and how well the model does on rows that came later.
package struct TrainingReport: Sendable, Hashable {
    package struct Part: Sendable, Hashable {
        package var rows: Int
        package var positives: Int
        /// The times of the first and of the last row; nil where there are no rows.
        package var from: Timestamp?
        package var to: Timestamp?
    }

    /// On one part of the rows; NaN where a metric has no meaning there.
    package struct Metrics: Sendable, Hashable {
        package var baseRate: Double
        package var areaUnderPrecisionRecall: Double
        package var areaUnderROC: Double
        package var logLoss: Double
        /// At each of `precisionCounts`, and at as many rows as there are positives.
        package var precisionAt: [PrecisionAt]

        package struct PrecisionAt: Sendable, Hashable {
            package var count: Int
            package var precision: Double
        }

        package static let precisionCounts = [100, 1_000]

        package init(scores: [Float], labels: [Float]) {
            baseRate = MartletModels.baseRate(labels)
            areaUnderPrecisionRecall = averagePrecision(scores: scores, labels: labels)
            areaUnderROC = MartletModels.areaUnderROC(scores: scores, labels: labels)
            logLoss = MartletModels.logLoss(probabilities: scores, labels: labels)
            let positives = labels.count { $0 == 1 }
            let counts = Set(Self.precisionCounts + [positives]).filter { $0 > 0 && $0 <= labels.count }.sorted()
            precisionAt = counts.map {
                PrecisionAt(count: $0, precision: precision(at: $0, scores: scores, labels: labels))
            }
        }
    }

    package var label: String
    package var time: String
    package var features: [String]
    package var parameters: TreeParameters
    /// The trees that were kept.
    package var rounds: Int
    package var libraryVersion: String
    package var training: Part
    package var validation: Part
    package var test: Part
    package var validationMetrics: Metrics
    package var testMetrics: Metrics
    package var importance: [FeatureImportance]
}

extension TrainingReport {
    /// By name, as a record of a run keeps them: `test_auc_pr`, `validation_log_loss`, …; without those that have no
    /// meaning.
    package var namedMetrics: [(name: String, value: Double)] {
        var list: [(name: String, value: Double)] = []
        for (part, metrics) in [("validation", validationMetrics), ("test", testMetrics)] {
            list.append(("\(part)_base_rate", metrics.baseRate))
            list.append(("\(part)_auc_pr", metrics.areaUnderPrecisionRecall))
            list.append(("\(part)_auc_roc", metrics.areaUnderROC))
            list.append(("\(part)_log_loss", metrics.logLoss))
            for point in metrics.precisionAt { list.append(("\(part)_precision_at_\(point.count)", point.precision)) }
        }
        return list.filter { !$0.value.isNaN }
    }

    package func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("label", label)
            json.member("time", time)
            json.member("library", "xgboost \(libraryVersion)")
            json.member("rounds", rounds)
            json.key("parameters")
            json.object { json in for (name, value) in parameters.named { json.member(name, value) } }
            json.key("parts")
            json.object { json in
                for (name, part) in [("training", training), ("validation", validation), ("test", test)] {
                    json.key(name)
                    json.object { json in
                        json.member("rows", part.rows)
                        json.member("positives", part.positives)
                        if let from = part.from { json.member("from", from) }
                        if let to = part.to { json.member("to", to) }
                    }
                }
            }
            json.key("metrics")
            json.object { json in for (name, value) in namedMetrics { json.member(name, value) } }
            json.member("features", features)
            json.key("importance")
            json.array { json in
                for feature in importance {
                    json.object { json in
                        json.member("feature", feature.name)
                        json.member("gain", feature.gain)
                        json.member("weight", feature.weight)
                        json.member("cover", feature.cover)
                    }
                }
            }
        }
    }

    /// For a person: the parts, the metrics, and the `top` most gaining features.
    package func text(top: Int = 15) -> String {
        var lines = ["\(features.count) features, \(rounds) trees, XGBoost \(libraryVersion)"]
        for (name, part) in [("training", training), ("validation", validation), ("test", test)] {
            var line = "\(padded(name, 12))\(part.rows) rows, \(part.positives) positive"
            if let from = part.from, let to = part.to { line += ", \(from) to \(to)" }
            lines.append(line)
        }
        lines.append("")
        lines.append(padded("", 22) + padded("validation", 12) + "test")
        let rows: [(String, Double, Double)] =
            [
                (
                    "AUC-PR", validationMetrics.areaUnderPrecisionRecall,
                    testMetrics.areaUnderPrecisionRecall
                ),
                ("AUC-ROC", validationMetrics.areaUnderROC, testMetrics.areaUnderROC),
                ("log loss", validationMetrics.logLoss, testMetrics.logLoss),
                ("base rate", validationMetrics.baseRate, testMetrics.baseRate),
            ]
        for (name, validation, test) in rows {
            lines.append(padded(name, 22) + padded(decimals(validation), 12) + decimals(test))
        }
        for point in testMetrics.precisionAt {
            lines.append(padded("precision at \(point.count)", 34) + decimals(point.precision))
        }
        lines.append("")
        let highest = importance.first?.gain ?? 0
        for feature in importance.prefix(top) {
            let bar = highest > 0 ? Int((feature.gain / highest * 20).rounded()) : 0
            lines.append(
                padded(feature.name, 34) + padded(String(repeating: "█", count: bar), 21) + decimals(feature.gain))
        }
        return lines.joined(separator: "\n")
    }
}

private func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
}

/// Four decimals; `-` for a metric without meaning.
private func decimals(_ value: Double) -> String {
    guard value.isFinite, value.magnitude < 1e12 else { return "-" }
    let scaled = Int((value.magnitude * 10_000).rounded())
    let fraction = "\(scaled % 10_000)"
    return (value < 0 && scaled > 0 ? "-" : "") + "\(scaled / 10_000)."
        + String(repeating: "0", count: 4 - fraction.count) + fraction
}
