internal import MartletCore
internal import MartletModels
internal import MartletPlatform
internal import MartletRegistry

extension Command {
    static let trainingSet = Command(
        "training-set", "join a service's features to labels, each as of its own time", operands: "SERVICE",
        discussion: """
            Exactly the label rows come out, in their order, with one column for each feature. The set is recorded with the
            versions of the definitions and tables it was made from; --rebuild N makes the same bytes again.
            """,
        options: [
            Option("labels", "FILE|TABLE", "the label rows: join keys, a time, whatever else you keep beside them"),
            Option("out", "FILE|TABLE", "where to write: .parquet, .csv, .jsonl, or a table such as gold.training"),
            Option("time-column", "NAME", "the label's time (default: event_timestamp)"),
            Option("as-known", nil, "count only events that had arrived at the label's time"),
            Option("full-names", nil, "name columns view__feature"),
            Option("known-only", nil, "drop labels for which a view has no event before them"),
            Option("rebuild", "N", "build training set N again, from the tables as they were"),
        ],
        examples: [
            (
                "martlet training-set fraud_score --labels labels.parquet --out training.parquet",
                "build and record a set"
            ),
            ("martlet training-set --rebuild 1 --out again.parquet", "the same bytes, whatever came since"),
        ]
    ) { invocation in
        let (workspace, principal) = try invocation.openWorkspace()
        let request: TrainingSetRequest
        if let id = try invocation.integer("rebuild") {
            try invocation.noOperands()
            request = try workspace.rebuildRequest(Int64(id))
        } else {
            request = TrainingSetRequest(
                service: try invocation.operands("SERVICE")[0], labels: try invocation.required("labels"),
                timeColumn: invocation.string("time-column") ?? LabelSet.defaultTimeColumn,
                asKnown: invocation.isSet("as-known"), usesFullNames: invocation.isSet("full-names"),
                keepsOnlyKnownEntities: invocation.isSet("known-only"))
        }
        let started = workspace.time.monotonicNanoseconds()
        let record = try workspace.writeTrainingSet(
            request, to: invocation.required("out"), principal: principal, progress: invocation.console.progress)
        let seconds = Double(workspace.time.monotonicNanoseconds() - started) / 1e9
        let tables = record.tableVersions.sorted { $0.key < $1.key }.map { "\($0.key) version \($0.value)" }
        invocation.console.result(
            text: """
                training set \(record.id): \(grouped(record.rowCount)) rows of \(record.service) in \(record.output)
                hash    \(record.hash)
                tables  \(tables.joined(separator: ", "))
                time    \(fixed(seconds, 2)) s
                """
        ) { json in
            json.object {
                $0.member("id", record.id)
                $0.member("service", record.service)
                $0.member("rows", record.rowCount)
                $0.member("output", record.output)
                $0.member("hash", record.hash)
                $0.member("seconds", seconds)
            }
        }
        return 0
    }
}

extension Command {
    static let train = Command(
        "train", "fit a baseline model to a training set, and record the run", operands: "SERVICE",
        discussion: """
            Gradient boosted trees (XGBoost) on the earliest rows, the number of trees chosen on later ones, the report on the last
            ones: time never runs backwards between them.
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
