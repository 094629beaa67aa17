package import MartletCore

/// What to learn from which columns of a training set.
package struct TrainingTask: Sendable {
    package var features: [String]
    /// A bool, or a number that is 0 or 1.
    package var label: String
    /// A timestamp: what rows are split by.
    package var time: String
    package var validationFraction: Double
    package var testFraction: Double
    package var parameters: TreeParameters

    package init(
        features: [String], label: String, time: String, validationFraction: Double = 0.15, testFraction: Double = 0.15,
        parameters: TreeParameters = TreeParameters()
    ) {
        self.features = features
        self.label = label
        self.time = time
        self.validationFraction = validationFraction
        self.testFraction = testFraction
        self.parameters = parameters
    }

    /// Trains on the earliest rows, chooses the number of trees on later ones, and reports on the last ones, which
    /// neither the trees nor their number have seen.
    /// - Throws: `missingColumn`, `typeMismatch`, `invalidInput` (no rows, or one class only, in training or test; a
    ///   feature named twice; the label as a feature), `invalidSettings`, `limitExceeded`.
    package func run(
        _ batch: RecordBatch, progress: any ProgressReporter = SilentProgress()
    ) throws -> (model: GradientBoostedTrees, report: TrainingReport) {
        try validate()
        let labels = try BinaryLabels.read(batch, column: label)
        let times = try readTimes(batch)
        let split = try TimeSplit(times: times, validationFraction: validationFraction, testFraction: testFraction)
        func pick(_ rows: [Int32]) -> [Float] { rows.map { labels[Int($0)] } }
        let testLabels = pick(split.test)
        try requireBothClasses(pick(split.training), "training")
        if testFraction > 0 { try requireBothClasses(testLabels, "test") }

        // Categories are learned from the training rows alone: the later rows are the future.
        let encodings = try features.map { name in
            try FeatureEncoding(name: name, column: batch.required(name, role: "feature"), rows: split.training)
        }
        func matrix(_ rows: [Int32]) throws -> FeatureMatrix {
            try FeatureMatrix(batch, rows: rows, encodings: encodings)
        }
        let validation = (matrix: try matrix(split.validation), labels: pick(split.validation))
        let model = try GradientBoostedTrees.train(
            matrix(split.training), labels: pick(split.training), validation: validation, parameters: parameters,
            progress: progress)

        func part(_ rows: [Int32]) -> TrainingReport.Part {
            TrainingReport.Part(
                rows: rows.count, positives: rows.count { labels[Int($0)] == 1 },
                from: rows.first.map { Timestamp(microseconds: times[Int($0)]) },
                to: rows.last.map { Timestamp(microseconds: times[Int($0)]) })
        }
        let report = TrainingReport(
            label: label, time: time, features: features, parameters: parameters, rounds: model.rounds,
            libraryVersion: xgboostVersion, training: part(split.training), validation: part(split.validation),
            test: part(split.test),
            validationMetrics: .init(scores: try model.predict(validation.matrix), labels: validation.labels),
            testMetrics: .init(scores: try model.predict(matrix(split.test)), labels: testLabels),
            importance: try model.importance())
        return (model, report)
    }

    private func validate() throws {
        guard !features.isEmpty else {
            throw MartletError(.invalidInput, "there is no feature to train on", fix: "Name at least one feature.")
        }
        var seen: Set<String> = []
        for feature in features {
            guard seen.insert(feature).inserted else {
                throw MartletError(.invalidInput, "the feature \(feature) is named twice", fix: "Name it once.")
            }
            guard feature != label else {
                throw MartletError(
                    .invalidInput, "the label \(label) is also named as a feature", fix: "Leave it out of the features."
                )
            }
        }
    }

    private func readTimes(_ batch: RecordBatch) throws -> [Int64] {
        let column = try batch.required(time, role: "time")
        guard case .timestamp(let times) = column.values else {
            throw MartletError(
                .typeMismatch, "the time column \(time) is \(column.type.rawValue), not timestamp",
                fix: "Name the column that says when each row was labelled.")
        }
        guard column.nullCount == 0 else {
            throw MartletError(
                .invalidInput, "the time column \(time) has \(column.nullCount) empty values",
                fix: "Give every row its time.")
        }
        return times
    }
}
