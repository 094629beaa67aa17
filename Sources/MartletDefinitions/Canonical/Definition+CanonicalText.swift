internal import MartletCore

extension Definition {
    /// The definition as JSON with its keys in a fixed order and the text of its query within, without its place: equal
    /// texts are equal definitions. Keys that have no value are left out, so that later additions leave old texts as
    /// they are.
    package var canonicalText: String {
        var json = JSONWriter(capacity: 1_024)
        json.object { json in
            json.member("format", Self.canonicalFormat)
            json.member("kind", kind.rawValue)
            about.writeCanonical(to: &json)
            switch self {
            case .entity(let entity): entity.writeCanonical(to: &json)
            case .source(let source): source.writeCanonical(to: &json)
            case .features(let view): view.writeCanonical(to: &json)
            case .service(let service): service.writeCanonical(to: &json)
            case .checks(let checks): checks.writeCanonical(to: &json)
            }
        }
        return json.text
    }

    /// Raised when old texts can no longer be read.
    static let canonicalFormat = 1
}

extension JSONWriter {
    fileprivate mutating func optional(_ name: String, _ text: String?) {
        if let text, !text.isEmpty { member(name, text) }
    }

    fileprivate mutating func optional(_ name: String, _ names: [String: String]) {
        guard !names.isEmpty else { return }
        key(name)
        object { json in
            for (name, value) in names.sorted(by: { $0.key < $1.key }) { json.member(name, value) }
        }
    }

    fileprivate mutating func list<Element>(
        _ name: String, _ elements: [Element], _ write: (Element, inout JSONWriter) -> Void
    ) {
        key(name)
        array { json in
            for element in elements { json.object { write(element, &$0) } }
        }
    }
}

extension About {
    fileprivate func writeCanonical(to json: inout JSONWriter) {
        json.member("name", name)
        json.optional("description", description)
        json.optional("owner", owner)
        json.optional("tags", tags)
    }
}

extension EntityDefinition {
    fileprivate func writeCanonical(to json: inout JSONWriter) {
        json.list("keys", keys) { key, json in
            json.member("name", key.name)
            json.member("type", key.type.rawValue)
        }
    }
}

extension SourceDefinition {
    fileprivate func writeCanonical(to json: inout JSONWriter) {
        json.list("columns", columns) { column, json in
            json.member("name", column.name)
            json.member("type", column.type.rawValue)
            json.member("nullable", column.isNullable)
            json.optional("format", column.format)
            json.optional("zone", column.zone)
            json.optional("from", column.from)
            if let constant = column.constant {
                json.key("constant")
                constant.writeCanonical(to: &json)
            }
            json.optional("description", column.description)
        }
        json.member("event_time", eventTime)
        json.optional("arrival_time", arrivalTime)
        json.member("id", id)
        json.key("csv")
        json.object { json in
            json.member("delimiter", csv.delimiter)
            json.member("quote", csv.quote)
            json.member("header", csv.hasHeader)
            if let null = csv.null { json.member("null", null) }
        }
        // Absent where they say nothing: definitions of before have the same text.
        if compatibility != .none { json.member("compatibility", compatibility.rawValue) }
        if !compactBy.isEmpty { json.member("compact_by", compactBy) }
        if let origin {
            json.key("from")
            json.object { origin.writeCanonical(to: &$0) }
        }
    }
}

extension SourceOrigin {
    fileprivate func writeCanonical(to json: inout JSONWriter) {
        json.key(kind)
        json.object { json in
            switch self {
            case .kafka(let kafka):
                json.member("brokers", kafka.brokers)
                json.member("topic", kafka.topic)
                json.member("group", kafka.group)
                json.optional("properties", kafka.properties)
            case .rabbitmq(let rabbitmq):
                json.member("url", rabbitmq.url)
                json.member("queue", rabbitmq.queue)
                json.member("prefetch", rabbitmq.prefetch)
                json.member("declare", rabbitmq.declaresQueue)
            case .postgres(let postgres):
                json.member("url", postgres.url)
                json.member("table", postgres.table)
                json.member("slot", postgres.slot)
                json.member("publication", postgres.publication)
            }
        }
    }
}

extension FeatureViewDefinition {
    fileprivate func writeCanonical(to json: inout JSONWriter) {
        json.member("entities", entities)
        json.optional("source", source)
        if !reads.isEmpty {
            json.list("reads", reads) { read, json in
                json.member("name", read.view)
                json.list("features", read.features) { field, json in field.writeCanonical(to: &json) }
                json.optional("key_columns", read.keyColumns)
                json.member("definition", read.definition)
            }
        }
        json.optional("key_columns", keyColumns)
        if let sql {
            json.key("sql")
            json.object { json in
                json.member("file", sql.file)
                json.member("text", sql.text)
            }
        }
        json.optional("where", filter)
        json.optional("event_time", eventTime)
        json.optional("ttl", ttl?.description)
        json.member("online", isOnline)
        // Only where it is there, so that definitions without it keep their text.
        if followsLog { json.member("stream", followsLog) }
        switch features {
        case .latest(let list):
            json.list("latest", list) { feature, json in
                json.member("name", feature.name)
                json.member("column", feature.column)
                json.member("type", feature.type.rawValue)
                // Only where they are there, so that definitions without them keep their text.
                if let vector = feature.vector {
                    json.member("metric", vector.metric.rawValue)
                    json.member("dimensions", Int64(vector.dimensions))
                }
                json.optional("description", feature.description)
            }
        case .windowed(let list):
            json.list("aggregates", list) { aggregate, json in
                json.member("name", aggregate.name)
                json.member("function", aggregate.function.rawValue)
                json.optional("column", aggregate.column)
                json.member("type", aggregate.columnType.rawValue)
                aggregate.parameters.writeCanonical(to: &json)
                json.member("windows", aggregate.windows.map(\.description))
                json.member("exact", aggregate.isExact)
                // Only where they are there, so that definitions without them keep their text.
                json.optional("where", aggregate.filter)
                if aggregate.shape != .sliding { json.member("shape", aggregate.shape.text) }
                if aggregate.lag != .zero { json.member("lag", aggregate.lag.description) }
                json.optional("description", aggregate.description)
            }
        case .derived(let derived):
            json.list("request", derived.request) { field, json in field.writeCanonical(to: &json) }
            json.list("derived", derived.features) { feature, json in
                json.member("name", feature.name)
                json.member("expression", feature.expression)
                json.member("type", feature.type.rawValue)
                json.optional("description", feature.description)
            }
        }
    }
}

extension Field {
    fileprivate func writeCanonical(to json: inout JSONWriter) {
        json.member("name", name)
        json.member("type", type.rawValue)
    }
}

extension AggregateParameters {
    fileprivate func writeCanonical(to json: inout JSONWriter) {
        // As text, so that no reader rounds it.
        json.optional("q", quantile?.description)
        if let length { json.member("length", length) }
        json.optional("half_life", halfLife?.description)
        json.optional("gap", gap?.description)
        if let category {
            json.member("by", category)
            json.member("by_type", categoryType.rawValue)
        }
        json.optional("of", dividend)
        json.optional("to", divisor)
    }
}

extension ServiceDefinition {
    fileprivate func writeCanonical(to json: inout JSONWriter) {
        json.list("features", features) { part, json in
            json.member("view", part.view)
            if let names = part.names { json.member("features", names) }
        }
        json.optional("max_stale", maxStale?.description)
        if let logging {
            json.key("logging")
            json.object { $0.member("sample_rate", logging.sampleRate) }
        }
    }
}

extension ChecksDefinition {
    fileprivate func writeCanonical(to json: inout JSONWriter) {
        json.member("source", source)
        json.list("rules", checks) { check, json in
            json.member("name", check.name)
            json.member("severity", check.severity.rawValue)
            check.rule.writeCanonical(to: &json)
        }
    }
}

extension Check.Rule {
    fileprivate func writeCanonical(to json: inout JSONWriter) {
        func object(_ name: String, _ write: (inout JSONWriter) -> Void) {
            json.key(name)
            json.object(write)
        }
        switch self {
        case .rowCount(let minimum, let maximum):
            object("row_count") { json in
                if let minimum { json.member("min", minimum) }
                if let maximum { json.member("max", maximum) }
            }
        case .notNull(let column): json.member("not_null", column)
        case .unique(let columns): json.member("unique", columns)
        case .accepted(let column, let values):
            object("accepted") { json in
                json.member("column", column)
                json.key("values")
                json.array { json in
                    for value in values { value.writeCanonical(to: &json) }
                }
            }
        case .range(let column, let minimum, let maximum):
            object("range") { json in
                json.member("column", column)
                if let minimum { json.member("min", minimum) }
                if let maximum { json.member("max", maximum) }
            }
        case .regex(let column, let pattern):
            object("regex") { json in
                json.member("column", column)
                json.member("pattern", pattern)
            }
        case .freshness(let column, let age):
            object("freshness") { json in
                json.member("column", column)
                json.member("max_age", age.description)
            }
        case .sql(let expression): json.member("sql", expression)
        }
    }
}

extension Value {
    /// With its type, which JSON does not keep: `{"int64": 5}`. Numbers are text, so that no reader rounds them.
    fileprivate func writeCanonical(to json: inout JSONWriter) {
        json.object { json in
            switch self {
            case .null: json.member("null", true)
            case .bool(let value): json.member("bool", value)
            case .int32(let value): json.member("int32", value.description)
            case .int64(let value): json.member("int64", value.description)
            case .float32(let value): json.member("float32", value.description)
            case .float64(let value): json.member("float64", value.description)
            case .string(let value): json.member("string", value)
            case .list, .map: preconditionFailure("a definition holds no lists and maps of values")
            case .bytes(let value):
                json.key("bytes")
                json.array { json in
                    for byte in value { json.value(byte) }
                }
            case .timestamp(let value): json.member("timestamp", value)
            }
        }
    }
}
