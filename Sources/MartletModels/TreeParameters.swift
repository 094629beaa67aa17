package import MartletCore

/// How gradient-boosted trees are grown. The defaults suit a rare positive class of some ten thousand rows and more.
package struct TreeParameters: Sendable, Hashable {
    /// The most trees; fewer where `patience` ends the training.
    package var rounds: Int
    /// Rounds without a better AUC-PR on the validation rows before the training ends; 0 never ends it early.
    package var patience: Int
    package var learningRate: Double
    package var maximumDepth: Int
    /// The least sum of second derivatives in a leaf.
    package var minimumChildWeight: Double
    /// The fraction of rows drawn for each tree.
    package var rowSample: Double
    /// The fraction of features drawn for each tree.
    package var featureSample: Double
    /// L2 on the values of leaves.
    package var lambda: Double
    /// The least gain of a split.
    package var gamma: Double
    /// Of histograms, for each feature.
    package var bins: Int
    /// How much more a positive row weighs; 1 leaves probabilities as they are.
    package var positiveWeight: Double
    package var seed: Int
    /// Part of the model's identity: sums over another number of threads may differ in their last bit.
    package var threads: Int

    package static let maximumRounds = 10_000
    package static let maximumThreads = 256

    package init(
        rounds: Int = 300, patience: Int = 30, learningRate: Double = 0.1, maximumDepth: Int = 6,
        minimumChildWeight: Double = 5, rowSample: Double = 0.8, featureSample: Double = 0.8, lambda: Double = 1,
        gamma: Double = 0, bins: Int = 256, positiveWeight: Double = 1, seed: Int = 1, threads: Int = 2
    ) {
        self.rounds = rounds
        self.patience = patience
        self.learningRate = learningRate
        self.maximumDepth = maximumDepth
        self.minimumChildWeight = minimumChildWeight
        self.rowSample = rowSample
        self.featureSample = featureSample
        self.lambda = lambda
        self.gamma = gamma
        self.bins = bins
        self.positiveWeight = positiveWeight
        self.seed = seed
        self.threads = threads
    }

    /// - Throws: `invalidSettings` with the name of the parameter.
    package func validate() throws {
        let rules: [(name: String, holds: Bool, range: String)] = [
            ("rounds", (1...Self.maximumRounds).contains(rounds), "1 to \(Self.maximumRounds)"),
            ("patience", (0...Self.maximumRounds).contains(patience), "0 to \(Self.maximumRounds)"),
            ("learning_rate", learningRate > 0 && learningRate <= 1, "above 0, at most 1"),
            ("maximum_depth", (1...20).contains(maximumDepth), "1 to 20"),
            ("minimum_child_weight", minimumChildWeight >= 0 && minimumChildWeight.isFinite, "0 or more"),
            ("row_sample", rowSample > 0 && rowSample <= 1, "above 0, at most 1"),
            ("feature_sample", featureSample > 0 && featureSample <= 1, "above 0, at most 1"),
            ("lambda", lambda >= 0 && lambda.isFinite, "0 or more"),
            ("gamma", gamma >= 0 && gamma.isFinite, "0 or more"),
            ("bins", (2...65_536).contains(bins), "2 to 65536"),
            ("positive_weight", positiveWeight > 0 && positiveWeight.isFinite, "above 0"),
            ("seed", seed >= 0 && seed <= Int(Int32.max), "0 to 2147483647"),
            ("threads", (1...Self.maximumThreads).contains(threads), "1 to \(Self.maximumThreads)"),
        ]
        for rule in rules where !rule.holds {
            throw MartletError(
                .invalidSettings, "the training parameter \(rule.name) is out of range", fix: "Set it to \(rule.range)."
            )
        }
    }

    /// By name, as reports and records of runs show them.
    package var named: [(name: String, value: Value)] {
        [
            ("rounds", .int64(Int64(rounds))), ("patience", .int64(Int64(patience))),
            ("learning_rate", .float64(learningRate)), ("maximum_depth", .int64(Int64(maximumDepth))),
            ("minimum_child_weight", .float64(minimumChildWeight)), ("row_sample", .float64(rowSample)),
            ("feature_sample", .float64(featureSample)), ("lambda", .float64(lambda)), ("gamma", .float64(gamma)),
            ("bins", .int64(Int64(bins))), ("positive_weight", .float64(positiveWeight)),
            ("seed", .int64(Int64(seed))), ("threads", .int64(Int64(threads))),
        ]
    }
}
