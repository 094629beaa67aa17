package import MartletCore
internal import Synchronization

/// A model of gradient-boosted trees for a yes-or-no label: XGBoost's histogram method, logistic loss. Safe to use from
/// several threads; predictions take turns.
package final class GradientBoostedTrees: Sendable {
    package let encodings: [FeatureEncoding]
    package let threads: Int
    package let rounds: Int
    /// Frees its model with itself; the lock makes the handle's calls take turns, as the C interface asks.
    private let booster: Mutex<Booster>

    private init(_ booster: sending Booster, encodings: [FeatureEncoding], threads: Int, rounds: Int) {
        self.encodings = encodings
        self.threads = threads
        self.rounds = rounds
        self.booster = Mutex(booster)
    }

    /// Grows trees on the training rows. Where there are validation rows, keeps the rounds with the best AUC-PR on
    /// them.
    ///
    /// Equal matrices, labels and parameters (threads included) give equal bytes.
    /// - Throws: `invalidInput` for no rows or rows of one class, `invalidSettings`, `internalFault`.
    package static func train(
        _ training: FeatureMatrix, labels: [Float], validation: (matrix: FeatureMatrix, labels: [Float])? = nil,
        parameters: TreeParameters = TreeParameters(), progress: any ProgressReporter = SilentProgress()
    ) throws -> GradientBoostedTrees {
        try parameters.validate()
        try requireBothClasses(labels, "training")
        guard !training.encodings.isEmpty else {
            throw MartletError(.invalidInput, "there is no feature to train on", fix: "Name at least one feature.")
        }
        let matrix = try DataMatrix(training, labels: labels, threads: parameters.threads)
        // Without both classes there is no AUC-PR to stop by.
        let isValidated = validation.map { hasBothClasses($0.labels) } ?? false
        let validating = try validation.flatMap {
            isValidated ? try DataMatrix($0.matrix, labels: nil, threads: parameters.threads) : nil
        }
        let booster = try Booster(caching: [matrix] + (validating.map { [$0] } ?? []))
        for (name, value) in parameters.forXGBoost { try booster.set(name, value) }

        var best = (rounds: 0, precision: -1.0)
        var grown = 0
        while grown < parameters.rounds {
            try booster.update(round: grown, matrix)
            grown += 1
            if let validating, let validation {
                let precision = averagePrecision(scores: try booster.predict(validating), labels: validation.labels)
                if precision > best.precision { best = (grown, precision) }
                if parameters.patience > 0, grown - best.rounds >= parameters.patience { break }
            }
            progress.report("train", done: grown, total: parameters.rounds)
        }
        let kept = validating == nil || parameters.patience == 0 ? grown : best.rounds
        let final = kept == grown ? booster : try booster.first(rounds: kept)
        return try finished(final, training.encodings, threads: parameters.threads, rounds: kept)
    }

    private static func finished(
        _ booster: sending Booster, _ encodings: [FeatureEncoding], threads: Int, rounds: Int
    ) throws -> GradientBoostedTrees {
        var json = JSONWriter()
        json.array { json in for encoding in encodings { encoding.write(to: &json) } }
        try booster.setAttribute(ModelAttribute.encodings, json.text)
        try booster.setAttribute(ModelAttribute.threads, "\(threads)")
        return GradientBoostedTrees(booster, encodings: encodings, threads: threads, rounds: rounds)
    }

    /// The probability of the label for each row.
    /// - Parameter rows: which rows, in which order; nil for all.
    /// - Throws: `missingColumn`, `typeMismatch`.
    package func predict(_ batch: RecordBatch, rows: [Int32]? = nil) throws -> [Float] {
        let rows = rows ?? (0..<Int32(batch.rowCount)).map { $0 }
        return try predict(FeatureMatrix(batch, rows: rows, encodings: encodings))
    }

    package func predict(_ matrix: FeatureMatrix) throws -> [Float] {
        if matrix.rowCount == 0 { return [] }
        let data = try DataMatrix(matrix, labels: nil, threads: threads)
        let box = SentMatrix(data)
        return try booster.withLock { try $0.predict(box.matrix) }
    }

    /// For every feature, the most gaining first; equal ones in the order of their names.
    package func importance() throws -> [FeatureImportance] {
        let scores = try booster.withLock { booster in
            (
                gain: try booster.scores("gain"), weight: try booster.scores("weight"),
                cover: try booster.scores("cover")
            )
        }
        return encodings.indices.map { index in
            FeatureImportance(
                name: encodings[index].name, gain: scores.gain[index] ?? 0, weight: Int(scores.weight[index] ?? 0),
                cover: scores.cover[index] ?? 0)
        }.sorted { $0.gain != $1.gain ? $0.gain > $1.gain : $0.name < $1.name }
    }

    /// The model as XGBoost's JSON, the encodings within; any XGBoost from 1.7 on reads it.
    package func serialized() throws -> [UInt8] { try booster.withLock { try $0.json() } }

    /// - Throws: `corruptData` where the bytes are no model of ours.
    package convenience init(serialized bytes: [UInt8]) throws {
        guard bytes.first == UInt8(ascii: "{") else { throw MartletError(.corruptData, "not a model in JSON") }
        let booster = try Booster()
        try booster.load(json: bytes)
        guard let text = try booster.attribute(ModelAttribute.encodings),
            let list = try? JSONValue(parsing: text).array, case let encodings = list.compactMap(FeatureEncoding.init),
            encodings.count == list.count, !encodings.isEmpty
        else {
            throw MartletError(
                .corruptData, "the model does not say how its features are encoded",
                fix: "Load a model that martlet train wrote.")
        }
        let threads = try booster.attribute(ModelAttribute.threads).flatMap { Int($0) } ?? 1
        guard (1...TreeParameters.maximumThreads).contains(threads) else {
            throw MartletError(.corruptData, "the model names an impossible number of threads")
        }
        try booster.set("nthread", "\(threads)")
        let rounds = try booster.rounds()
        self.init(booster, encodings: encodings, threads: threads, rounds: rounds)
    }
}

/// A matrix that only one thread ever sees, on its way into the lock.
private struct SentMatrix: @unchecked Sendable {
    // Unchecked: made by the caller of `predict`, used within the lock while that caller waits, and dropped.
    let matrix: DataMatrix
    init(_ matrix: DataMatrix) { self.matrix = matrix }
}

/// What a model says of itself beside its trees.
private enum ModelAttribute {
    static let encodings = "martlet.encodings"
    static let threads = "martlet.threads"
}

/// How much the trees owe to one feature.
package struct FeatureImportance: Sendable, Hashable {
    package let name: String
    /// The mean gain of the splits by it.
    package let gain: Double
    /// The number of splits by it.
    package let weight: Int
    /// The mean sum of second derivatives of the rows at those splits.
    package let cover: Double
}

func hasBothClasses(_ labels: [Float]) -> Bool { labels.contains(0) && labels.contains(1) }

func requireBothClasses(_ labels: [Float], _ part: String) throws {
    if labels.isEmpty {
        throw MartletError(.invalidInput, "there are no \(part) rows", fix: "Give more rows, or another split.")
    }
    if !hasBothClasses(labels) {
        throw MartletError(
            .invalidInput, "all \(labels.count) \(part) rows have the same label",
            fix: "Give rows of both classes, over a longer time or with another split.")
    }
}

extension TreeParameters {
    fileprivate var forXGBoost: [(String, String)] {
        [
            ("objective", "binary:logistic"), ("tree_method", "hist"), ("verbosity", "0"), ("nthread", "\(threads)"),
            ("seed", "\(seed)"), ("eta", "\(learningRate)"), ("max_depth", "\(maximumDepth)"),
            ("min_child_weight", "\(minimumChildWeight)"), ("subsample", "\(rowSample)"),
            ("colsample_bytree", "\(featureSample)"), ("lambda", "\(lambda)"), ("gamma", "\(gamma)"),
            ("max_bin", "\(bins)"), ("scale_pos_weight", "\(positiveWeight)"),
            // Its default is a metric of every round that nobody reads.
            ("disable_default_eval_metric", "1"),
        ]
    }
}
