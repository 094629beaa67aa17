internal import MartletCore
internal import MartletModels
internal import MartletPlatform
internal import MartletRegistry

extension Command {
    static let trainingSet = Command(
        "training-set", "join a service's features to labels, each as of its own time", operands: "SERVICE",
        discussion: """
            Exactly the label rows come out, in their order, with one column for each feature. A set that does not
            fit into limits.memory is built part by part; repeated after a crash, within limits.resumable_for, it
            goes on where it stopped, and ^C ends it with nothing left behind. A feature whose values need events at
            or after the label's time is refused. The set is recorded with all that it was made from: see martlet
            datasets.
            """,
        options: [
            Option("labels", "FILE|TABLE", "the label rows: join keys, a time, whatever else you keep beside them"),
            Option("out", "FILE|TABLE", "where to write: .parquet, .csv, .jsonl, or a table such as gold.training"),
            Option("time-column", "NAME", "the label's time (default: event_timestamp)"),
            Option("as-true", nil, "count every event that is known today, by its event time (the default)"),
            Option("as-known", nil, "count only events that had arrived at the label's time"),
            Option("compare-clocks", nil, "write nothing; count the values that differ between the two, and why"),
            Option("examples", "N", "with --compare-clocks: label rows to name for each feature (default: 5)"),
            Option("allow-leakage", "FEATURE,…", "build these features although their values leak"),
            Option("full-names", nil, "name columns view__feature"),
            Option("known-only", nil, "drop labels for which a view has no event before them"),
        ],
        examples: [
            (
                "martlet training-set fraud_score --labels labels.parquet --out training.parquet",
                "build and record a set"
            ),
            (
                "martlet training-set fraud_score --labels labels.parquet --compare-clocks",
                "what late events change"
            ),
        ]
    ) { invocation in
        let request = try invocation.trainingSetRequest()
        let comparesClocks = invocation.isSet("compare-clocks")
        if comparesClocks, invocation.string("out") != nil {
            throw MartletError(.usage, "--compare-clocks writes no set", fix: "leave --out away")
        }
        let output = comparesClocks ? "" : try invocation.required("out")
        let examples = try invocation.integer("examples", in: 0...1_000) ?? 5
        return try cancelledBySignals { cancellation in
            let (workspace, principal) = try invocation.openWorkspace()
            if comparesClocks {
                let report = try workspace.compareClocks(
                    request, examples: examples, progress: invocation.console.progress, cancellation: cancellation)
                invocation.console.result(text: report.text) { report.write(to: &$0) }
                return 0
            }
            let started = workspace.time.monotonicNanoseconds()
            let record = try workspace.writeTrainingSet(
                request, to: output, principal: principal, progress: invocation.console.progress,
                cancellation: cancellation)
            let seconds = Double(workspace.time.monotonicNanoseconds() - started) / 1e9
            invocation.console.result(
                text: "training set \(record.id): " + record.builtText(seconds: seconds)
            ) { record.writeBuilt(to: &$0, seconds: seconds) }
            return 0
        }
    }
}

extension Invocation {
    fileprivate func trainingSetRequest() throws -> TrainingSetRequest {
        if isSet("as-known"), isSet("as-true") {
            throw MartletError(.usage, "--as-known and --as-true exclude one another")
        }
        return TrainingSetRequest(
            service: try operands("SERVICE")[0], labels: try required("labels"),
            timeColumn: string("time-column") ?? LabelSet.defaultTimeColumn, asKnown: isSet("as-known"),
            usesFullNames: isSet("full-names"), keepsOnlyKnownEntities: isSet("known-only"),
            allowedLeakage: Set(
                strings("allow-leakage").flatMap { $0.split(separator: ",").map(String.init) }))
    }
}

extension TrainingSetRecord {
    func builtText(seconds: Double) -> String {
        let tables = tableVersions.sorted { $0.key < $1.key }.map { "\($0.key) version \($0.value)" }
        return """
            \(grouped(rowCount)) rows of \(service) in \(output)
            hash    \(hash)
            tables  \(tables.joined(separator: ", "))
            time    \(fixed(seconds, 2)) s
            """
    }

    func writeBuilt(to json: inout JSONWriter, seconds: Double) {
        json.object {
            $0.member("id", id)
            $0.member("service", service)
            $0.member("rows", rowCount)
            $0.member("output", output)
            $0.member("hash", hash)
            $0.member("seconds", seconds)
        }
    }
}

extension ClockReport {
    fileprivate var text: String {
        let rows = features.map { feature in
            [
                feature.name, grouped(feature.count.differing), grouped(feature.count.late),
                grouped(feature.count.corrected), grouped(feature.count.takenBack),
                feature.hasArrivalTimes
                    ? feature.count.examples.map(\.description).joined(separator: ", ")
                    : "(the source tells no arrival times)",
            ]
        }
        return "\(grouped(rowCount)) label rows of \(service): values that differ between as true and as known\n"
            + table(["feature", "differ", "late", "corrected", "taken back", "rows (from 0)"], rows)
    }

    fileprivate func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("service", service)
            json.member("rows", Int64(rowCount))
            json.key("features")
            json.array { json in
                for feature in features {
                    json.object { json in
                        json.member("feature", feature.name)
                        json.member("differing", feature.count.differing)
                        json.member("late", feature.count.late)
                        json.member("corrected", feature.count.corrected)
                        json.member("taken_back", feature.count.takenBack)
                        json.member("has_arrival_times", feature.hasArrivalTimes)
                        json.key("examples")
                        json.array { for row in feature.count.examples { $0.value(row) } }
                    }
                }
            }
        }
    }
}

extension Command {
    static let train = Command(
        "train", "fit a baseline model to a training set, and record the run", operands: "SERVICE",
        discussion: """
            Gradient boosted trees (XGBoost) on the earliest rows, the number of trees chosen on later ones, the
            report on the last ones: time never runs backwards between them.
            """,
        options: [
            Option("label", "COLUMN", "what to predict: a bool, or 0 and 1"),
            Option("training-set", "N", "the recorded set (default: the service's newest)"),
            Option("also", "COLUMN,…", "columns of the labels that are known at request time, such as the amount"),
            Option("rounds", "N", "trees at most (default: 300)"),
            Option("depth", "N", "depth of a tree (default: 6)"),
        ],
        examples: [("martlet train fraud_score --label is_fraud --also amount,channel", "train on the newest set")]
    ) { invocation in
        let service = try invocation.operands("SERVICE")[0]
        let (workspace, principal) = try invocation.openWorkspace()
        var parameters = TreeParameters()
        if let rounds = try invocation.integer("rounds") { parameters.rounds = rounds }
        if let depth = try invocation.integer("depth") { parameters.maximumDepth = depth }
        let also = invocation.strings("also").flatMap { $0.split(separator: ",").map(String.init) }
        let model = try workspace.train(
            service, trainingSet: invocation.integer("training-set").map(Int64.init),
            label: invocation.required("label"), alsoFeatures: also, parameters: parameters, principal: principal,
            progress: invocation.console.progress)
        invocation.console.result(
            text: model.report.text()
                + "\nrun \(model.record.id), model \(model.record.modelPath), \(fixed(model.seconds, 2)) s"
        ) { json in
            json.object {
                $0.member("run", model.record.id)
                $0.member("model", model.record.modelPath)
                $0.key("report")
                model.report.write(to: &$0)
            }
        }
        return 0
    }
}
