package import MartletCore
import MartletDefinitions

extension WindowPlan {
    /// The plan as Spark SQL. Each label is joined with the events of its widest window, and the events are aggregated
    /// for each window by their times; what the kernels do in one pass costs one join for the aggregates and one for
    /// each column whose different values are counted.
    /// - Throws: `invalidDefinition` for a function or a window that is not computed on Spark, by its name.
    package func sparkSQL(_ relations: SparkRelations) throws(MartletError) -> SparkViewSQL {
        let functions: Set<AggregateFunction> = [
            .count, .sum, .mean, .min, .max, .stddev, .first, .last, .distinct, .daysSince,
        ]
        for feature in features {
            guard functions.contains(feature.function) else {
                throw refused("\(feature.name): \(feature.function.rawValue) is")
            }
            guard feature.category == nil else { throw refused("\(feature.name): aggregates split by a column are") }
            guard feature.window.shape == .sliding, feature.window.lag == .zero else {
                throw refused("\(feature.name): windows other than sliding ones that end at the label's time are")
            }
        }
        var query = SparkWindowQuery(plan: self, relations: relations)
        for group in groups where !group.outputs.isEmpty { query.add(group) }
        return query.finish()
    }
}

private func refused(_ what: String) -> MartletError {
    MartletError(
        .invalidDefinition, "\(what) not computed on Spark",
        fix: "docs/engines.md lists what is; build this set with `engine: duckdb`")
}

/// The parts of the query, collected group by group.
private struct SparkWindowQuery {
    let plan: WindowPlan
    let relations: SparkRelations
    /// Columns of the rows beyond `k0, …, t, a, p, x0, …`, layer by layer: each reads those before it.
    private var layers: [[String]] = [[], [], [], []]
    private var aggregates: [String] = []
    /// Queries that give further columns for each label: their name, and the SELECT over `pairs`.
    private var parts: [(name: String, sql: String)] = []
    private var results: [String] = []
    private var features: [SparkViewSQL.Feature?]
    private var needsOrder = false

    init(plan: WindowPlan, relations: SparkRelations) {
        self.plan = plan
        self.relations = relations
        features = Array(repeating: nil, count: plan.features.count)
    }

    mutating func add(_ group: StateGroup) {
        // The functions were looked at before: these families are all that they have.
        if group.family == .rows { for output in group.outputs { addCount("1", output) } }
        if group.family == .moments { addMoments(group) }
        if group.family == .extremes { addExtremes(group) }
        if group.family == .ends { addEnds(group) }
        if group.family == .values { addDistinct(group) }
    }

    private func inside(_ output: StateGroup.Output) -> String { "FILTER (WHERE t >= w\(output.window))" }

    private mutating func give(_ expression: String, _ output: StateGroup.Output) {
        results.append("\(expression) AS f\(output.feature)")
        features[output.feature] = .init(
            type: plan.features[output.feature].type, value: .column("f\(output.feature)"))
    }

    /// The values of a group: nulls and NaN are none.
    private mutating func value(_ group: StateGroup) -> String {
        let name = "v\(group.inputIndex)"
        let column = "x\(group.inputIndex)"
        let text = (group.isReal ? "CASE WHEN NOT isnan(\(column)) THEN \(column) END" : column) + " AS \(name)"
        if !layers[0].contains(text) { layers[0].append(text) }
        return name
    }

    private mutating func addCount(_ value: String, _ output: StateGroup.Output) {
        aggregates.append("count(\(value)) \(inside(output)) AS c\(output.feature)")
        give("coalesce(c\(output.feature), 0)", output)
    }

    private mutating func addMoments(_ group: StateGroup) {
        let value = value(group)
        for output in group.outputs where output.function == .count { addCount(value, output) }
        let outputs = group.outputs.filter { $0.function != .count }
        if outputs.isEmpty { return }
        let input = group.inputIndex
        addLimbs(group, value)
        for window in Set(outputs.map(\.window)).sorted() {
            let here = outputs.filter { $0.window == window }
            let prefix = "m\(input)w\(window)"
            let needsSquares = here.contains { $0.function == .stddev }
            let sums = SparkLimbs.sumPositions.indices.map { "\(prefix)s\($0)" }
            let squares = needsSquares ? SparkLimbs.squarePositions.indices.map { "\(prefix)q\($0)" } : []
            aggregates.append("count(\(value)) \(inside(here[0])) AS \(prefix)n")
            for (index, name) in sums.enumerated() {
                aggregates.append("sum(\(value)s\(index)) \(inside(here[0])) AS \(name)")
            }
            for (index, name) in squares.enumerated() {
                aggregates.append("sum(\(value)q\(index)) \(inside(here[0])) AS \(name)")
            }
            results += (["\(prefix)n"] + sums + squares + ["\(prefix)w"])
            for output in here {
                let moment = SparkViewSQL.Moment(
                    function: output.function.rawValue, count: "\(prefix)n", sums: sums,
                    squares: output.function == .stddev ? squares : [], wide: "\(prefix)w")
                features[output.feature] = .init(type: .float64, value: .moment(moment))
            }
        }
        let lists = Set(outputs.map(\.window)).sorted().map {
            "collect_list(\(value)) FILTER (WHERE t >= w\($0)) AS m\(input)w\($0)w"
        }
        addPart("wide\(input)", lists, from: "pairs WHERE \(value) IS NOT NULL AND \(value)n IS NULL")
    }

    /// The limbs of the values, and of their squares where a stddev needs them.
    private mutating func addLimbs(_ group: StateGroup, _ value: String) {
        let narrow = "\(value)n"
        let number = group.type == .bool ? "CAST(\(value) AS INT)" : value
        // A double has room for whole numbers up to 2^53.
        let test =
            group.isReal ? SparkLimbs.isNarrow("CAST(\(value) AS DOUBLE)") : "abs(CAST(\(number) AS DOUBLE)) < 9E15D"
        layers[1].append("CASE WHEN \(test) THEN CAST(\(number) AS DOUBLE) END AS \(narrow)")
        layers[2] += SparkLimbs.sumPositions.indices.map {
            "CAST(\(SparkLimbs.limb($0, of: narrow, SparkLimbs.sumPositions)) AS BIGINT) AS \(value)s\($0)"
        }
        guard group.needs(.stddev) else { return }
        layers[2].append("\(SparkLimbs.high(of: narrow)) AS \(value)h")
        layers[3] += [
            "\(value)h * \(value)h AS \(value)a", "2D * \(value)h * (\(narrow) - \(value)h) AS \(value)b",
            "(\(narrow) - \(value)h) * (\(narrow) - \(value)h) AS \(value)c",
        ]
        squared.append(value)
    }

    /// Values whose squares are summed, in a last layer over the three products.
    private var squared: [String] = []

    private mutating func addExtremes(_ group: StateGroup) {
        let value = value(group)
        if group.isReal {
            // SQL takes -0 and 0 for equal; the kernels put -0 before 0.
            let sign = "CASE WHEN \(value) = 0 THEN CASE WHEN CAST(\(value) AS STRING) LIKE '-%' THEN 0 ELSE 1 END END"
            layers[1].append("\(sign) AS \(value)z")
        }
        for output in group.outputs {
            let function = output.function == .min ? "min" : "max"
            let name = "e\(output.feature)"
            aggregates.append("\(function)(\(value)) \(inside(output)) AS \(name)")
            if plan.features[output.feature].function == .daysSince {
                give("CAST(l.t - \(name) AS DOUBLE) / 86400000000D", output)
            } else if group.isReal {
                aggregates.append("\(function)(\(value)z) \(inside(output)) AS \(name)z")
                let type = group.type == .float32 ? "FLOAT" : "DOUBLE"
                // Spark's optimizer takes the literals -0.0 and 0.0 for the same: the sign is multiplied in.
                let sign = "CASE WHEN \(name)z = 0 THEN CAST(-1 AS \(type)) ELSE CAST(1 AS \(type)) END"
                give("CASE WHEN \(name) = 0 THEN abs(\(name)) * \(sign) ELSE \(name) END", output)
            } else {
                give(name, output)
            }
        }
    }

    private mutating func addEnds(_ group: StateGroup) {
        let value = value(group)
        needsOrder = true
        for output in group.outputs {
            let function = output.function == .first ? "min_by" : "max_by"
            aggregates.append(
                "\(function)(\(value), o) FILTER (WHERE t >= w\(output.window) AND \(value) IS NOT NULL) "
                    + "AS d\(output.feature)")
            give("d\(output.feature)", output)
        }
    }

    /// A value is in a window where its newest occurrence is: so each value of a label is counted once, by that time.
    private mutating func addDistinct(_ group: StateGroup) {
        let value = value(group)
        let windows = Set(group.outputs.map(\.window)).sorted().map { "w\($0)" }.joined(separator: ", ")
        let newest = """
            (SELECT \(relations.keyList), row, \(windows), \(value), max(t) AS t FROM pairs WHERE \(value) IS NOT NULL
              GROUP BY \(relations.keyList), row, \(windows), \(value))
            """
        let counts = group.outputs.map { "count(1) \(inside($0)) AS u\($0.feature)" }
        addPart("distinct\(group.inputIndex)", counts, from: newest)
        for output in group.outputs {
            // Beyond it the kernels estimate, from registers that are not kept here.
            let name = plan.features[output.feature].name
            let message =
                "\(name): a window has more than \(differentValuesMaximum) different values, which Spark does not "
                + "estimate; build this set with engine: duckdb"
            let count = "u\(output.feature)"
            give(
                "CASE WHEN \(count) > \(differentValuesMaximum) THEN raise_error('\(message)') "
                    + "ELSE coalesce(\(count), 0) END", output)
        }
    }

    private mutating func addPart(_ name: String, _ columns: [String], from relation: String) {
        parts.append(
            (
                name,
                "SELECT \(relations.keyList), row, \(columns.joined(separator: ", ")) FROM \(relation) "
                    + "GROUP BY \(relations.keyList), row"
            ))
    }

    /// The rows with the columns of all layers.
    private var events: String {
        var text = needsOrder ? relations.orderedRows : relations.rows
        for layer in layers where !layer.isEmpty { text = "SELECT *, \(layer.joined(separator: ", ")) FROM (\(text))" }
        if squared.isEmpty { return text }
        let limbs = squared.flatMap { value in
            SparkLimbs.squarePositions.indices.map { index in
                let parts = ["a", "b", "c"].map {
                    "CAST(\(SparkLimbs.limb(index, of: value + $0, SparkLimbs.squarePositions)) AS BIGINT)"
                }
                return "\(parts.joined(separator: " + ")) AS \(value)q\(index)"
            }
        }
        return "SELECT *, \(limbs.joined(separator: ", ")) FROM (\(text))"
    }

    func finish() -> SparkViewSQL {
        let lefts = plan.windows.enumerated().map { index, window in
            let exact = "t - \(window.span.microseconds)"
            let hop = window.hop.microseconds
            return (hop == 1 ? exact : "\(exact) - pmod(\(exact), \(hop))") + " AS w\(index)"
        }
        let names = plan.windows.indices.map { "w\($0)" }
        let widest = names.count == 1 ? names[0] : "least(\(names.map { "l.\($0)" }.joined(separator: ", ")))"
        var parts = parts
        if !aggregates.isEmpty {
            let part = "SELECT \(relations.keyList), row, \(aggregates.joined(separator: ",\n    ")) FROM pairs "
            parts.insert(("aggregates", part + "GROUP BY \(relations.keyList), row"), at: 0)
        }
        let joins = parts.map { " LEFT JOIN \($0.name) ON l.row = \($0.name).row" }.joined()
        let sql = """
            WITH events AS (\(events)),
            moments AS (SELECT *, \(lefts.joined(separator: ", ")) FROM (\(relations.labels))),
            pairs AS (
              SELECT e.*, l.row, \(names.map { "l.\($0)" }.joined(separator: ", "))
              FROM moments l JOIN events e ON \(relations.isSeen) AND e.t >= \(widest) AND e.t < l.t
            ),
            \(parts.map { "\($0.name) AS (\($0.sql))" }.joined(separator: ",\n"))
            SELECT l.row, \(results.joined(separator: ", "))
            FROM labels l\(joins)
            """
        return SparkViewSQL(sql: sql, features: features.compactMap { $0 })
    }
}
