internal import MartletCore

/// Builds a feature view from its checked keys and what the repository knows.
struct FeatureViewBuilder {
    private let object: CheckedObject
    private let about: About
    private var lookup: DefinitionLookup
    private var entities: [EntityDefinition] = []
    private var source: SourceDefinition?
    private var sql: SQLText?
    private var reads: [ViewRead] = []

    init(_ object: CheckedObject, about: About, lookup: DefinitionLookup) {
        self.object = object
        self.about = about
        self.lookup = lookup
        self.lookup.faults = FaultList()
    }

    /// - Returns: nil where there are faults; `faults` has those that the shape did not show.
    mutating func build() -> (view: FeatureViewDefinition?, faults: FaultList) {
        let entityNames = object["entity"]?.oneOrMore ?? object["entities"]?.oneOrMore ?? []
        for name in entityNames {
            if let entity = lookup.entity(name.text, at: name.place) { entities.append(entity) }
        }
        if let name = object["source"], let text = name.text { source = lookup.source(text, at: name.place) }
        readSQL()
        reads = ViewReadBuilder(reader: about.name, columns: readsSQL ? nil : source?.columns)
            .reads(object["reads"]?.list ?? [], &lookup)
        checkWhere()
        let keyColumns = readKeys(areEntitiesKnown: entities.count == entityNames.count)
        checkEventTime()
        if let ttl = object["ttl"], ttl.timeSpan == .zero {
            lookup.faults.add(
                "`ttl` is zero", at: ttl.place, fix: "give a positive time span, or leave it out for any age")
        }
        let features: FeatureViewDefinition.Features? =
            if let latest = object["latest"] { readLatest(latest) } else {
                object["aggregates"].map { readAggregates($0) }
            }
        guard let features, object.isWhole, let sourceName = object.text("source") else { return (nil, lookup.faults) }
        let view = FeatureViewDefinition(
            about: about, entities: entityNames.map(\.text), source: sourceName, reads: reads, keyColumns: keyColumns,
            sql: sql,
            filter: object.text("where"), eventTime: object.text("event_time"), ttl: object["ttl"]?.timeSpan,
            isOnline: object["online"]?.boolean ?? true, followsLog: object["stream"]?.boolean ?? false,
            features: features)
        checkStream(of: view)
        checkNames(of: view)
        // Where a column's type is not known, because its source has faults, the view lacks features.
        let declared = object["latest"].map { $0.map?.count ?? $0.list?.count } ?? object["aggregates"]?.map?.count
        let isWhole =
            lookup.faults.faults.isEmpty && source != nil && entities.count == entityNames.count
            && reads.count == object["reads"]?.list?.count ?? 0
        return (isWhole && features.count == declared ? view : nil, lookup.faults)
    }

    private mutating func checkStream(of view: FeatureViewDefinition) {
        guard view.followsLog, let stream = object["stream"] else { return }
        if view.sql != nil || !view.reads.isEmpty {
            let origin = view.sql == nil ? "other views" : "a query"
            lookup.faults.add(
                "`stream` needs the rows of the source alone, and these come from \(origin)",
                at: stream.place, fix: "leave it out, and load the view: martlet materialize \(about.name)")
        } else if !view.isOnline {
            lookup.faults.add("`stream` needs a view that is online", at: stream.place, fix: "leave `online` out")
        }
    }

    private mutating func readSQL() {
        guard let file = object["sql"], let path = file.text else { return }
        switch lookup.sql(path) {
        case .failure(let fault):
            lookup.faults.add(
                MartletError(fault.code, fault.message, place: file.place, fix: fault.fix, cause: fault.cause))
        case .success(let text):
            let words = SQLWords(text)
            let place = MartletError.Place(file: path)
            if let fault = words.fault {
                lookup.faults.add("the query in \(path) is broken: \(fault)", at: file.place)
            } else if words.hasSeveralStatements {
                lookup.faults.add(
                    "the file \(path) holds more than one statement", at: file.place, fix: "keep one query")
            } else if !["select", "with", "from", "values"].contains(words.words.first ?? "") {
                lookup.faults.add(
                    "the file \(path) is not a query", at: file.place, fix: "begin with `select` or `with`")
            }
            sql = SQLText(file: place.file, text: text)
        }
    }

    private mutating func checkWhere() {
        guard let filter = object["where"], let text = filter.text, let fault = expressionFault(text) else { return }
        lookup.faults.add("`where` is not one expression: \(fault)", at: filter.place)
    }

    private var readsSQL: Bool { object["sql"] != nil }

    private var rowColumns: RowColumns { RowColumns(source: source, readsSQL: readsSQL, reads: reads) }

    private mutating func sourceColumn(_ name: String, at place: MartletError.Place, for use: String) -> SourceColumn? {
        rowColumns.column(name, at: place, for: use, &lookup.faults)
    }

    private mutating func type(
        _ declared: Checked?, of column: String, at place: MartletError.Place, for feature: String
    ) -> DataType? {
        rowColumns.type(declared, of: column, at: place, for: feature, &lookup.faults)
    }

    private mutating func readKeys(areEntitiesKnown: Bool) -> [String: String] {
        var keys: [String: (field: Field, entity: String)] = [:]
        for entity in entities {
            for field in entity.keys {
                if let other = keys[field.name], other.entity != entity.about.name {
                    lookup.faults.add(
                        "entities \(other.entity) and \(entity.about.name) both have the key `\(field.name)`",
                        at: object.place("entities"),
                        fix: "give the keys of entities that are used together different names")
                }
                keys[field.name] = (field, entity.about.name)
            }
        }
        var columns: [String: String] = [:]
        for entry in object["key_columns"]?.map ?? [] {
            guard let column = entry.value.text else { continue }
            columns[entry.name] = column
            if areEntitiesKnown, keys[entry.name] == nil {
                lookup.faults.add(
                    "`key_columns` names `\(entry.name)`, which is no key of the view's entities", at: entry.namePlace,
                    fix: suggestion(for: entry.name, among: Array(keys.keys)))
            }
        }
        for (name, key) in keys.sorted(by: { $0.key < $1.key }) {
            let mapped = object["key_columns"]?.map?.first { $0.name == name }?.value
            let place = mapped?.place ?? object.place("source")
            let column = columns[name] ?? name
            let read = rowColumns.read(column)
            guard
                let found = read?.type
                    ?? sourceColumn(column, at: place, for: "the key `\(name)` of entity \(key.entity)")?.type
            else { continue }
            if !readsSQL || read != nil, found != key.field.type {
                lookup.faults.add(
                    "the key `\(name)` of entity \(key.entity) is of type \(key.field.type), "
                        + "but column `\(column)` is of type \(found)",
                    at: place, fix: "give the key and the column one type", .typeMismatch)
            }
        }
        return columns
    }

    private mutating func checkEventTime() {
        guard let value = object["event_time"], let name = value.text,
            let column = sourceColumn(name, at: value.place, for: "`event_time`"), !readsSQL, column.type != .timestamp
        else { return }
        lookup.faults.add(
            "the event time `\(name)` is of type \(column.type), not timestamp", at: value.place,
            fix: suggestion(for: name, among: (source?.columns ?? []).filter { $0.type == .timestamp }.map(\.name)),
            .typeMismatch)
    }

    private mutating func readLatest(_ latest: Checked) -> FeatureViewDefinition.Features {
        var features: [LatestFeature] = []
        for item in latest.list ?? [] {
            guard let name = item.text, let type = type(nil, of: name, at: item.place, for: "feature `\(name)`") else {
                continue
            }
            features.append(LatestFeature(name: name, column: name, type: type))
        }
        for entry in latest.map ?? [] {
            let object = entry.value.object
            let column = entry.value.text ?? object?.text("column") ?? entry.name
            let place = object?["column"]?.place ?? (object == nil ? entry.value.place : entry.namePlace)
            guard let type = type(object?["type"], of: column, at: place, for: "feature `\(entry.name)`") else {
                continue
            }
            features.append(
                LatestFeature(
                    name: entry.name, column: column, type: type, vector: vector(object?["vector"], type, entry.name),
                    description: object?.text("description") ?? ""))
        }
        for entry in (latest.map ?? []).filter({ $0.value.object?["vector"] != nil }).dropFirst() {
            lookup.faults.add(
                "the view has a vector already, and `\(entry.name)` is another", at: entry.namePlace,
                fix: "give each its own view")
        }
        return .latest(features)
    }

    private mutating func vector(_ value: Checked?, _ type: DataType, _ feature: String) -> VectorSearch? {
        guard let value, let object = value.object, let dimensions = object["dimensions"]?.integer else { return nil }
        guard type == .list(.float32) else {
            lookup.faults.add(
                "`\(feature)` is of type \(type), and vectors are lists of float32", at: value.place,
                fix: "give the column the type list<float32>", .typeMismatch)
            return nil
        }
        let metric = object.text("metric").flatMap(VectorMetric.init(rawValue:)) ?? .cosine
        return VectorSearch(metric: metric, dimensions: Int(dimensions))
    }

    private mutating func readAggregates(_ aggregates: Checked) -> FeatureViewDefinition.Features {
        var builder = AggregateBuilder(columns: rowColumns, viewWindows: object["windows"], isViewWhole: object.isWhole)
        let list = builder.read(aggregates.map ?? [])
        lookup.faults.append(builder.faults)
        return .windowed(list)
    }

    private mutating func checkNames(of view: FeatureViewDefinition) {
        let place = object["latest"]?.place ?? object.place("aggregates")
        let keys = Set(entities.flatMap { $0.keys.map(\.name) })
        var seen: Set<String> = []
        let names = view.featureNames
        let limit = DefinitionLanguage.maximumFeaturesPerView
        if names.count > limit {
            lookup.faults.add(
                "the view has \(names.count) features, more than the limit of \(limit)",
                at: place, fix: "split it into several views", .limitExceeded)
        }
        for name in names {
            if !seen.insert(name).inserted { lookup.faults.add("two features are named `\(name)`", at: place) }
            if keys.contains(name) {
                lookup.faults.add("the feature `\(name)` has the name of a key", at: place, fix: "give it another name")
            }
            if !isIdentifier(name) {
                lookup.faults.add("the feature name `\(name)` is longer than 63 characters", at: place, .limitExceeded)
            }
        }
    }
}
