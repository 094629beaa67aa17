internal import MartletCore

extension Definition {
    /// Reads what `canonicalText` wrote.
    /// - Throws: `corruptData` where the text is anything else.
    package init(canonical text: String) throws {
        let document: JSONValue
        do {
            document = try JSONValue(parsing: text)
        } catch {
            throw MartletError(.corruptData, "a stored definition is not JSON", cause: error)
        }
        let json = CanonicalObject(json: document, path: "definition")
        guard json.json["format"]?.integer == Int64(Self.canonicalFormat) else {
            throw MartletError(
                .corruptData, "a stored definition is of another format than \(Self.canonicalFormat)",
                fix: "use the version of Martlet that stored it")
        }
        let about = try About(json)
        let kind: Kind = try json.choice("kind")
        self =
            switch kind {
            case .entity: .entity(try EntityDefinition(json, about))
            case .source: .source(try SourceDefinition(json, about))
            case .features: .features(try FeatureViewDefinition(json, about))
            case .service: .service(try ServiceDefinition(json, about))
            case .checks: .checks(try ChecksDefinition(json, about))
            }
    }
}

/// An object of a canonical text with its path for messages.
private struct CanonicalObject {
    let json: JSONValue
    let path: String

    func fault(_ name: String) -> MartletError {
        MartletError(.corruptData, "a stored definition has no valid `\(path).\(name)`")
    }

    func optionalText(_ name: String) throws -> String? {
        guard let value = json[name] else { return nil }
        guard let text = value.string else { throw fault(name) }
        return text
    }

    func has(_ name: String) -> Bool { json[name] != nil }

    func text(_ name: String) throws -> String {
        guard let text = json[name]?.string else { throw fault(name) }
        return text
    }

    func flag(_ name: String) throws -> Bool {
        guard let flag = json[name]?.bool else { throw fault(name) }
        return flag
    }

    func optionalNumber(_ name: String) throws -> Double? {
        guard let value = json[name] else { return nil }
        guard let number = value.number else { throw fault(name) }
        return number
    }

    func optionalCount(_ name: String) throws -> Int? {
        guard let value = json[name] else { return nil }
        guard let count = value.integer else { throw fault(name) }
        return Int(count)
    }

    func choice<Choice: RawRepresentable>(_ name: String) throws -> Choice where Choice.RawValue == String {
        guard let choice = Choice(rawValue: try text(name)) else { throw fault(name) }
        return choice
    }

    func timeSpan(_ text: String, _ name: String) throws -> TimeSpan {
        guard let span = TimeSpan(text) else { throw fault(name) }
        return span
    }

    func texts(_ name: String) throws -> [String] {
        guard let values = json[name]?.array else { throw fault(name) }
        let texts = values.compactMap(\.string)
        guard texts.count == values.count else { throw fault(name) }
        return texts
    }

    func labels(_ name: String) throws -> [String: String] {
        guard let value = json[name] else { return [:] }
        guard let labels = value.object?.compactMapValues(\.string), labels.count == value.object?.count else {
            throw fault(name)
        }
        return labels
    }

    func objects(_ name: String) throws -> [CanonicalObject] {
        guard let values = json[name]?.array else { throw fault(name) }
        return values.enumerated().map { CanonicalObject(json: $1, path: "\(path).\(name)[\($0)]") }
    }

    func optionalObject(_ name: String) -> CanonicalObject? {
        json[name].map { CanonicalObject(json: $0, path: "\(path).\(name)") }
    }
}

extension About {
    fileprivate init(_ json: CanonicalObject) throws {
        self.init(
            name: try json.text("name"), description: try json.optionalText("description") ?? "",
            owner: try json.optionalText("owner") ?? "", tags: try json.labels("tags"))
    }
}

extension EntityDefinition {
    fileprivate init(_ json: CanonicalObject, _ about: About) throws {
        let keys = try json.objects("keys").map { key in
            Field(try key.text("name"), try key.choice("type"), isNullable: false)
        }
        self.init(about: about, keys: keys)
    }
}

extension SourceDefinition {
    fileprivate init(_ json: CanonicalObject, _ about: About) throws {
        let columns = try json.objects("columns").map { column in
            SourceColumn(
                name: try column.text("name"), type: try column.choice("type"), isNullable: try column.flag("nullable"),
                format: try column.optionalText("format"), zone: try column.optionalText("zone"),
                from: try column.optionalText("from"),
                constant: try column.optionalObject("constant").map { try Value($0) },
                description: try column.optionalText("description") ?? "")
        }
        guard let csv = json.optionalObject("csv") else { throw json.fault("csv") }
        self.init(
            about: about, columns: columns, eventTime: try json.text("event_time"),
            arrivalTime: try json.optionalText("arrival_time"), id: try json.texts("id"),
            csv: CSVOptions(
                delimiter: try csv.text("delimiter"), quote: try csv.text("quote"), hasHeader: try csv.flag("header"),
                null: try csv.optionalText("null")),
            origin: try json.optionalObject("from").map { try SourceOrigin($0) },
            compatibility: try json.optionalText("compatibility") == nil ? .none : try json.choice("compatibility"),
            compactBy: json.has("compact_by") ? try json.texts("compact_by") : [])
    }
}

extension SourceOrigin {
    fileprivate init(_ json: CanonicalObject) throws {
        if let kafka = json.optionalObject("kafka") {
            self = .kafka(
                Kafka(
                    brokers: try kafka.texts("brokers"), topic: try kafka.text("topic"), group: try kafka.text("group"),
                    properties: try kafka.labels("properties")))
        } else if let rabbitmq = json.optionalObject("rabbitmq") {
            guard let prefetch = try rabbitmq.optionalCount("prefetch") else { throw rabbitmq.fault("prefetch") }
            self = .rabbitmq(
                RabbitMQ(
                    url: try rabbitmq.text("url"), queue: try rabbitmq.text("queue"), prefetch: prefetch,
                    declaresQueue: try rabbitmq.flag("declare")))
        } else if let postgres = json.optionalObject("postgres") {
            self = .postgres(
                Postgres(
                    url: try postgres.text("url"), table: try postgres.text("table"), slot: try postgres.text("slot"),
                    publication: try postgres.text("publication")))
        } else {
            throw json.fault("kafka")
        }
    }
}

extension FeatureViewDefinition {
    fileprivate init(_ json: CanonicalObject, _ about: About) throws {
        let features: Features
        if json.json["latest"] != nil {
            features = .latest(
                try json.objects("latest").map { feature in
                    LatestFeature(
                        name: try feature.text("name"), column: try feature.text("column"),
                        type: try feature.choice("type"), vector: try VectorSearch(feature),
                        description: try feature.optionalText("description") ?? "")
                })
        } else if json.json["derived"] != nil {
            features = .derived(
                DerivedFeatures(
                    request: try json.objects("request").map { try Field($0) },
                    features: try json.objects("derived").map { feature in
                        DerivedFeature(
                            name: try feature.text("name"), expression: try feature.text("expression"),
                            type: try feature.choice("type"),
                            description: try feature.optionalText("description") ?? "")
                    }))
        } else {
            features = .windowed(
                try json.objects("aggregates").map { aggregate in
                    WindowAggregate(
                        name: try aggregate.text("name"), function: try aggregate.choice("function"),
                        column: try aggregate.optionalText("column"), columnType: try aggregate.choice("type"),
                        parameters: try AggregateParameters(aggregate), filter: try aggregate.optionalText("where"),
                        windows: try aggregate.texts("windows").map { try aggregate.timeSpan($0, "windows") },
                        isExact: try aggregate.flag("exact"),
                        shape: try aggregate.optionalText("shape").map { text in
                            guard let shape = WindowShape(text) else { throw aggregate.fault("shape") }
                            return shape
                        } ?? .sliding,
                        lag: try aggregate.optionalText("lag").map { try aggregate.timeSpan($0, "lag") } ?? .zero,
                        description: try aggregate.optionalText("description") ?? "")
                })
        }
        self.init(
            about: about, entities: try json.texts("entities"), source: try json.optionalText("source"),
            reads: json.json["reads"] == nil ? [] : try json.objects("reads").map { try ViewRead($0) },
            keyColumns: try json.labels("key_columns"),
            sql: try json.optionalObject("sql").map { SQLText(file: try $0.text("file"), text: try $0.text("text")) },
            filter: try json.optionalText("where"), eventTime: try json.optionalText("event_time"),
            ttl: try json.optionalText("ttl").map { try json.timeSpan($0, "ttl") }, isOnline: try json.flag("online"),
            followsLog: json.json["stream"] == nil ? false : try json.flag("stream"),
            features: features)
    }
}

extension ViewRead {
    fileprivate init(_ json: CanonicalObject) throws {
        self.init(
            view: try json.text("name"), features: try json.objects("features").map { try Field($0) },
            keyColumns: try json.labels("key_columns"), definition: try json.text("definition"))
    }
}

extension Field {
    fileprivate init(_ json: CanonicalObject) throws {
        self.init(try json.text("name"), try json.choice("type"))
    }
}

extension VectorSearch {
    fileprivate init?(_ json: CanonicalObject) throws {
        guard json.json["metric"] != nil else { return nil }
        guard let dimensions = try json.optionalCount("dimensions") else { throw json.fault("dimensions") }
        self.init(metric: try json.choice("metric"), dimensions: dimensions)
    }
}

extension AggregateParameters {
    fileprivate init(_ json: CanonicalObject) throws {
        var quantile: Double?
        if let text = try json.optionalText("q") {
            guard let value = Double(text) else { throw json.fault("q") }
            quantile = value
        }
        let category = try json.optionalText("by")
        self.init(
            quantile: quantile, length: try json.optionalCount("length"),
            halfLife: try json.optionalText("half_life").map { try json.timeSpan($0, "half_life") },
            gap: try json.optionalText("gap").map { try json.timeSpan($0, "gap") }, category: category,
            categoryType: category == nil ? .int64 : try json.choice("by_type"),
            dividend: try json.optionalText("of"), divisor: try json.optionalText("to"))
    }
}

extension ServiceDefinition {
    fileprivate init(_ json: CanonicalObject, _ about: About) throws {
        let features = try json.objects("features").map { part in
            ServiceFeatures(
                view: try part.text("view"), names: part.json["features"] == nil ? nil : try part.texts("features"))
        }
        self.init(
            about: about, features: features,
            maxStale: try json.optionalText("max_stale").map { try json.timeSpan($0, "max_stale") },
            logging: try json.optionalObject("logging").map { logging in
                guard let rate = try logging.optionalNumber("sample_rate") else { throw json.fault("logging") }
                return ServiceLogging(sampleRate: rate)
            })
    }
}

extension ChecksDefinition {
    fileprivate init(_ json: CanonicalObject, _ about: About) throws {
        let checks = try json.objects("rules").map { check in
            Check(name: try check.text("name"), rule: try Check.Rule(check), severity: try check.choice("severity"))
        }
        self.init(about: about, source: try json.text("source"), checks: checks)
    }
}

extension Check.Rule {
    fileprivate init(_ json: CanonicalObject) throws {
        if let column = try json.optionalText("not_null") {
            self = .notNull(column: column)
        } else if json.json["unique"] != nil {
            self = .unique(columns: try json.texts("unique"))
        } else if let expression = try json.optionalText("sql") {
            self = .sql(expression: expression)
        } else if let parts = json.optionalObject("row_count") {
            self = .rowCount(minimum: try parts.optionalCount("min"), maximum: try parts.optionalCount("max"))
        } else if let parts = json.optionalObject("accepted") {
            self = .accepted(
                column: try parts.text("column"), values: try parts.objects("values").map { try Value($0) })
        } else if let parts = json.optionalObject("range") {
            self = .range(
                column: try parts.text("column"), minimum: try parts.optionalNumber("min"),
                maximum: try parts.optionalNumber("max"))
        } else if let parts = json.optionalObject("regex") {
            self = .regex(column: try parts.text("column"), pattern: try parts.text("pattern"))
        } else if let parts = json.optionalObject("freshness") {
            self = .freshness(
                column: try parts.text("column"), maximumAge: try parts.timeSpan(parts.text("max_age"), "max_age"))
        } else {
            throw json.fault("rule")
        }
    }
}

extension Value {
    fileprivate init(_ json: CanonicalObject) throws {
        guard let (type, value) = json.json.object?.first, json.json.object?.count == 1 else {
            throw json.fault("value")
        }
        let text = value.string
        let read: Value? =
            switch type {
            case "null": .null
            case "bool": value.bool.map { .bool($0) }
            case "int32": text.flatMap(Int32.init).map { .int32($0) }
            case "int64": text.flatMap(Int64.init).map { .int64($0) }
            case "float32": text.flatMap(Float.init).map { .float32($0) }
            case "float64": text.flatMap(Double.init).map { .float64($0) }
            case "string": text.map { .string($0) }
            case "bytes": value.array.map { .bytes($0.compactMap(\.integer).map { UInt8(truncatingIfNeeded: $0) }) }
            case "timestamp": text.flatMap(Timestamp.init(rfc3339:)).map { .timestamp($0) }
            default: nil
            }
        guard let read else { throw json.fault(type) }
        self = read
    }
}
