package import MartletCore

extension DefinitionLanguage {
    static let features = ObjectShape(
        "a feature view",
        "Features of an entity, or of a combination of entities: from one source, or derived from other features.",
        named(.features, "The name of the feature view.") + [
            MemberShape("entity", .name, "The entity whose features these are."),
            MemberShape("entities", .list(.name), "Several entities, whose keys together are the key."),
            MemberShape("source", .name, "The source of the rows."),
            MemberShape(
                "sql", .text,
                "A file with a query over sources whose rows are used instead, from the repository's root."),
            readsMember,
            MemberShape("where", .text, "A boolean SQL expression: only rows for which it is true count."),
            MemberShape("key_columns", .map(.name), "For each join key whose column has another name: that name."),
            MemberShape("event_time", .name, "The event-time column of the rows where it is not the source's."),
            MemberShape("ttl", .timeSpan, "How old a latest value may be; without it, any age."),
            MemberShape("online", .boolean, "Whether the view is loaded into the online store; true without it."),
            MemberShape(
                "stream", .boolean,
                "Whether the view follows the log: a server counts each event as it comes; false without it."),
            MemberShape(
                "latest", .either([.list(.name), .map(.either([.name, .object(latest)]))]),
                "Newest values: each feature with its column."),
            MemberShape("windows", timeSpans, "The windows of the aggregates that name none of their own."),
            MemberShape(
                "aggregates", .map(.either([aggregateText, .object(aggregate)])), "Aggregates over windows, by name."),
        ] + derivedMembers,
        exactlyOne: [
            ["entity", "entities", "derived"], ["source", "derived"], ["latest", "aggregates", "derived"],
        ],
        needs: [
            ("windows", "aggregates"), ("ttl", "latest"), ("request", "derived"), ("sql", "source"),
            ("reads", "source"), ("where", "source"), ("key_columns", "source"), ("event_time", "source"),
            ("online", "source"), ("stream", "source"),
        ])

    static let latest = ObjectShape(
        "a latest value", "The newest value of a column.",
        [
            MemberShape("column", .name, "The column; without it, the one with the feature's name."),
            MemberShape(
                "type", columnType, "The type; needed where the rows come from SQL and the source has no such column."),
            MemberShape(
                "vector", .object(vector), "Makes a list of float32 an embedding that can be searched: one a view."),
            MemberShape("description", .text, "What it is, for a person."),
        ])

    static let vector = ObjectShape(
        "a vector", "How a list of float32 is searched for its nearest neighbours.",
        [
            MemberShape("dimensions", .integer(1...65_536), isRequired: true, "The number of elements of each vector."),
            MemberShape(
                "metric", .choice(VectorMetric.allCases.map(\.rawValue)), "What is near; cosine without it."),
        ])

    static let aggregate = ObjectShape(
        "an aggregate", "One value from the rows of a window; each window is a feature, named aggregate_window.",
        [
            MemberShape(
                "function", .choice(functionNames), isRequired: true,
                "What the values are reduced to."),
            MemberShape("column", .name, "The column; count needs none."),
            MemberShape(
                "type", dataType,
                "The column's type; needed where the rows come from SQL and the source has no such column."),
            MemberShape("q", .number, "Of quantile: which, from 0 to 1; 0.5 is the median."),
            MemberShape("n", listLength, "Of first_n and last_n: how many values."),
            MemberShape("k", listLength, "Of top_k: how many values."),
            MemberShape("half_life", .timeSpan, "Of decayed_sum and decayed_mean: after how long a value counts half."),
            MemberShape("gap", .timeSpan, "Of session_count: a longer pause between events begins a new session."),
            MemberShape("by", .name, "Of count, sum and mean: a column; the result is a value for each of its values."),
            MemberShape("by_type", dataType, "The type of the column in `by`, as `type` is of `column`."),
            MemberShape("of", .name, "Of ratio: the aggregate that is divided."),
            MemberShape("to", .name, "Of ratio: the aggregate by which it is divided."),
            MemberShape("where", .text, "A boolean SQL expression: only rows for which it is true are aggregated."),
            MemberShape("windows", timeSpans, "Its windows where they are not the view's."),
            MemberShape(
                "exact", .boolean, "Whether the ends of the windows are exact instead of rounded; false without it."),
            MemberShape(
                "tumbling", .boolean,
                "Whether a window is the last whole one that has ended, such as yesterday; false without it."),
            MemberShape("lag", .timeSpan, "How long before the moment asked for the windows are seen from."),
            MemberShape(
                "session", .timeSpan,
                "Instead of windows: over the run of events that goes on, no two further apart than this."),
            MemberShape("last", .integer(1...10_000), "Instead of windows: over so many of the newest rows."),
            MemberShape("within", .timeSpan, "How far back `session` (1d without it) and `last` (365d) may reach."),
            MemberShape("description", .text, "What it is, for a person."),
        ])

    static let functionNames = AggregateFunction.allCases.map(\.rawValue) + [median]
    /// Short for the quantile of a half.
    static let median = "median"
    static let listLength: Shape = .integer(1...Int64(AggregateParameters.maximumLength))

    /// The keys that only some functions have.
    static let parameterNames = ["q", "n", "k", "half_life", "gap", "by", "of", "to"]

    static func example(of parameter: String) -> String {
        switch parameter {
        case "q": "column: amount, q: 0.95"
        case "n", "k": "column: country, \(parameter): 3"
        case "half_life": "column: amount, half_life: 7d"
        case "gap": "gap: 30m"
        default: "of: refunds, to: payments"
        }
    }

    /// `count`, `sum(amount)`.
    static let aggregateText: Shape = .form(
        pattern:
            "^(count|time_since_last|(\(functionNames.joined(separator: "|")))\\([a-z][a-z0-9_]{0,62}\\))$",
        example: "an aggregate such as count or sum(amount)")

    /// More than any window that is kept as tiles; ten years.
    static let maximumWindow = TimeSpan.days(3_660)
    static let maximumFeaturesPerView = 4_096
}

/// The step to which the left end of a window is rounded down (DESIGN section 4): a day from 12 days, an hour from 12
/// hours, else 5 minutes.
package func windowHop(_ window: TimeSpan) -> TimeSpan {
    if window >= .days(12) { return .days(1) }
    if window >= .hours(12) { return .hours(1) }
    return .minutes(5)
}
