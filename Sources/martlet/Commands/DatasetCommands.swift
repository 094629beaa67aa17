internal import MartletCore
internal import MartletPlatform
internal import MartletRegistry

extension Command {
    static let datasets = Command(
        "datasets", "list, show, compare and rebuild training sets", operands: "list | show N | diff A B | rebuild N",
        discussion: """
            A training set is recorded with its labels, the versions of its tables and definitions, the hash of its
            values, and of each column a hash and statistics. diff tells which columns of two sets differ and why.
            rebuild makes a set again as it was, whatever was ingested or applied since, and ends with 1 where the
            values are not the same; then, or stopped by ^C, it leaves the old file or table as it is.
            """,
        options: [
            Option("service", "NAME", "list: the sets of one service"),
            Option("limit", "N", "list: how many, the newest first (default: 100)"),
            Option("out", "FILE|TABLE", "rebuild: where to write (default: where it was)"),
        ],
        examples: [
            ("martlet datasets list", "every set, the newest first"),
            ("martlet datasets diff 1 2", "which features moved, and why"),
            ("martlet datasets rebuild 1 --out again.parquet", "the same values, whatever came since"),
        ]
    ) { invocation in
        switch invocation.operands.first ?? "list" {
        case "list":
            if invocation.operands.count > 1 { _ = try invocation.operands("list") }
            return try listDatasets(invocation)
        case "show":
            let workspace = try invocation.openWorkspace().workspace
            let record = try workspace.registry.trainingSet(invocation.datasetNumber(1, of: 2))
            invocation.console.result(text: record.shownText) { record.write(to: &$0, withPlaces: true) }
            return 0
        case "diff":
            let workspace = try invocation.openWorkspace().workspace
            let diff = try workspace.compareTrainingSets(
                invocation.datasetNumber(1, of: 3), invocation.datasetNumber(2, of: 3))
            invocation.console.result(text: diff.text) { diff.write(to: &$0) }
            return 0
        case "rebuild":
            return try rebuildDataset(invocation)
        case let other:
            throw MartletError(
                .usage, "martlet datasets cannot \(other)",
                fix: nearestName(to: other, among: ["list", "show", "diff", "rebuild"]).map { "did you mean \($0)?" })
        }
    }
}

private func listDatasets(_ invocation: Invocation) throws -> Int32 {
    let workspace = try invocation.openWorkspace().workspace
    let records = try workspace.registry.trainingSets(
        service: invocation.string("service"), limit: invocation.integer("limit") ?? 100)
    let rows = records.map { record in
        [
            record.id.description, record.service, grouped(record.rowCount), record.createdAt.description,
            String(record.hash.prefix(12)), record.output,
        ]
    }
    invocation.console.result(
        text: table(["set", "service", "rows", "built", "hash", "output"], rows)
    ) { json in
        json.array { json in for record in records { record.write(to: &json, withPlaces: true) } }
    }
    return 0
}

private func rebuildDataset(_ invocation: Invocation) throws -> Int32 {
    let id = try invocation.datasetNumber(1, of: 2)
    return try cancelledBySignals { cancellation in
        let (workspace, principal) = try invocation.openWorkspace()
        let started = workspace.time.monotonicNanoseconds()
        let record = try workspace.rebuildTrainingSet(
            id, to: invocation.string("out"), principal: principal, progress: invocation.console.progress,
            cancellation: cancellation)
        let seconds = Double(workspace.time.monotonicNanoseconds() - started) / 1e9
        invocation.console.result(
            text: "training set \(record.id) again, with the same values: " + record.builtText(seconds: seconds)
        ) { record.writeBuilt(to: &$0, seconds: seconds) }
        return 0
    }
}

extension Invocation {
    fileprivate func datasetNumber(_ index: Int, of count: Int) throws -> Int64 {
        guard operands.count == count else {
            throw MartletError(
                .usage, "martlet datasets \(operands[0]) takes \(count == 2 ? "a number" : "two numbers")")
        }
        guard let number = Int64(operands[index]), number > 0 else {
            throw MartletError(
                .usage, "\(operands[index]) is no number of a training set", fix: "see martlet datasets list")
        }
        return number
    }
}

extension TrainingSetRecord {
    fileprivate var shownText: String {
        var lines = [
            "training set \(id) of \(service), \(grouped(rowCount)) rows, built \(createdAt) by \(principal)",
            "  output       \(output)",
            "  hash         \(hash.isEmpty ? "none was kept" : hash)",
            "  labels       \(labelInput)" + (labelDigest.map { " (sha256 \($0.prefix(12)))" } ?? ""),
            "  clock        \(options["as_known"] == "true" ? "as known" : "as true")",
            "  tables       " + named(tableVersions),
            "  definitions  " + named(definitionVersions) + " (revision \(revision))",
        ]
        if let allowed = options["allow_leakage"], !allowed.isEmpty { lines.append("  may leak     \(allowed)") }
        let rows = columns.map { column in
            [
                "  " + column.name, column.type, fixed(100 * nullShare(column), 1) + " %", number(column.mean),
                number(column.minimum), number(column.maximum), String(column.hash.prefix(12)),
            ]
        }
        if !rows.isEmpty { lines.append(table(["  column", "type", "null", "mean", "min", "max", "hash"], rows)) }
        return lines.joined(separator: "\n")
    }

    private func nullShare(_ column: DatasetColumn) -> Double {
        rowCount == 0 ? 0 : Double(column.nullCount) / Double(rowCount)
    }

    private func named(_ versions: [String: Int64]) -> String {
        versions.sorted { $0.key < $1.key }.map { "\($0.key) version \($0.value)" }.joined(separator: ", ")
    }
}

/// A statistic, short enough for a table.
private func number(_ value: Double?) -> String {
    guard let value else { return "" }
    return value.magnitude < 1e9 && value.isFinite ? fixed(value, 4) : value.description
}

extension DatasetDiff {
    fileprivate var text: String {
        var lines = ["training set \(from.id) -> \(to.id): \(columns.count) columns differ, \(equalColumns) are equal"]
        if from.rowCount != to.rowCount {
            lines.append("rows: \(grouped(from.rowCount)) -> \(grouped(to.rowCount))")
        }
        for column in columns {
            switch column.change {
            case .added: lines.append("+ \(column.name)")
            case .removed: lines.append("- \(column.name)")
            case .changed(let rows):
                var line = "~ \(column.name)"
                if let rows { line += ": \(grouped(rows)) rows differ" }
                if let shift = column.meanShift { line += ", mean \(shift < 0 ? "" : "+")\(number(shift))" }
                lines.append(line)
            }
            lines += column.reasons.map { "    \($0)" }
        }
        return lines.joined(separator: "\n")
    }

    fileprivate func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("from", from.id)
            json.member("to", to.id)
            json.member("equal", isEqual)
            json.key("rows")
            json.array {
                $0.value(from.rowCount)
                $0.value(to.rowCount)
            }
            json.member("equal_columns", Int64(equalColumns))
            json.key("columns")
            json.array { json in
                for column in columns {
                    json.object { json in
                        json.member("name", column.name)
                        if let feature = column.feature { json.member("feature", feature) }
                        switch column.change {
                        case .added: json.member("change", "added")
                        case .removed: json.member("change", "removed")
                        case .changed(let rows):
                            json.member("change", "changed")
                            if let rows { json.member("rows", rows) }
                        }
                        if let shift = column.meanShift { json.member("mean_shift", shift) }
                        json.key("reasons")
                        json.array { for reason in column.reasons { $0.value(reason) } }
                    }
                }
            }
        }
    }
}
