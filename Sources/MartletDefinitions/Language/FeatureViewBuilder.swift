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
            isOnline: object["online"]?.boolean ?? true, features: features)
        checkNames(of: view)
        // Where a column's type is not known, because its source has faults, the view lacks features.
        let declared = object["latest"].map { $0.map?.count ?? $0.list?.count } ?? object["aggregates"]?.map?.count
        let isWhole =
            lookup.faults.faults.isEmpty && source != nil && entities.count == entityNames.count
            && reads.count == object["reads"]?.list?.count ?? 0
        return (isWhole && features.count == declared ? view : nil, lookup.faults)
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

    /// The column that is read of another view.
    private func readColumn(_ name: String) -> Field? {
        reads.lazy.flatMap(\.columns).first { $0.name == name }
    }

    /// The column of the source, or a fault where the rows are the source's and it has none of that name.
    private mutating func sourceColumn(_ name: String, at place: MartletError.Place, for use: String) -> SourceColumn? {
        guard let source else { return nil }
        if let column = source.columns.first(where: { $0.name == name }) { return column }
        if !readsSQL {
            lookup.faults.add(
                "\(use) needs the column `\(name)`, which source \(source.about.name) does not have", at: place,
                fix: suggestion(
                    for: name, among: source.columns.map(\.name) + reads.flatMap { $0.columns.map(\.name) }),
                .missingColumn)
        }
        return nil
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
            let read = readColumn(column)
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

    /// The type of a feature's column: as written, else the source's.
    private mutating func type(
        _ declared: Checked?, of column: String, at place: MartletError.Place, for feature: String
    ) -> DataType? {
        let written = declared?.text.flatMap(DataType.init(rawValue:))
        let read = readColumn(column)
        let found = read?.type ?? sourceColumn(column, at: place, for: feature)?.type
        if let written {
            if let found, !readsSQL || read != nil, found != written {
                lookup.faults.add(
                    "\(feature) says type \(written), but column `\(column)` is of type \(found)",
                    at: declared?.place ?? place, fix: "leave `type` out: it is derived", .typeMismatch)
            }
            return written
        }
        if found == nil, readsSQL, source != nil {
            lookup.faults.add(
                "the type of \(feature) is not known: column `\(column)` comes from SQL", at: place,
                fix: "write it as {column: \(column), type: …}")
        }
        return found
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
                    name: entry.name, column: column, type: type, description: object?.text("description") ?? ""))
        }
        return .latest(features)
    }

    private mutating func readAggregates(_ aggregates: Checked) -> FeatureViewDefinition.Features {
        let list = (aggregates.map ?? []).compactMap { readAggregate($0) }
        return .windowed(list)
    }

    private mutating func readAggregate(_ entry: CheckedEntry) -> WindowAggregate? {
        let what = "aggregate `\(entry.name)`"
        let function: AggregateFunction
        var column: String?
        var columnPlace = entry.value.place
        let object = entry.value.object
        if let text = entry.value.text {
            guard let parsed = parseAggregate(text) else {
                if AggregateFunction(rawValue: text) != nil {
                    lookup.faults.add(
                        "\(what) is a \(text) of no column", at: entry.value.place, fix: "write `\(text)(column)`")
                    return nil
                }
                let fix = suggestion(
                    for: String(text.prefix { $0 != "(" }), among: AggregateFunction.allCases.map(\.rawValue))
                lookup.faults.add(
                    "\(what) is `\(text)`, which is not an aggregate such as count or sum(amount)",
                    at: entry.value.place, fix: fix)
                return nil
            }
            (function, column) = parsed
        } else {
            guard let object, let named = object.text("function").flatMap(AggregateFunction.init(rawValue:)) else {
                return nil
            }
            function = named
            column = object.text("column")
            columnPlace = object.place("column")
        }
        let windows = readWindows(
            object?["windows"] ?? self.object["windows"], isExact: object?["exact"]?.boolean ?? false, entry)
        var columnType = DataType.int64
        if let column {
            guard let type = type(object?["type"], of: column, at: columnPlace, for: what) else { return nil }
            checkFunction(function, on: type, column, at: columnPlace, what)
            columnType = type
        } else if function != .count {
            lookup.faults.add("\(what) is a \(function) of no column", at: entry.value.place, fix: "add `column`")
            return nil
        } else if let type = object?["type"] {
            lookup.faults.add("\(what) has a type but no column", at: type.place, fix: "remove `type`")
        }
        return WindowAggregate(
            name: entry.name, function: function, column: column, columnType: columnType, windows: windows,
            isExact: object?["exact"]?.boolean ?? false, description: object?.text("description") ?? "")
    }

    private mutating func readWindows(_ value: Checked?, isExact: Bool, _ entry: CheckedEntry) -> [TimeSpan] {
        guard let value else {
            if self.object.isWhole {
                lookup.faults.add(
                    "aggregate `\(entry.name)` has no windows", at: entry.namePlace,
                    fix: "add `windows` to it or to the view, such as [1h, 1d, 7d]")
            }
            return []
        }
        var windows: [TimeSpan] = []
        for item in value.list ?? [value] {
            guard let window = item.timeSpan else { continue }
            let hop = windowHop(window)
            if window <= .zero {
                lookup.faults.add("the window \(window) is not positive", at: item.place)
            } else if window > DefinitionLanguage.maximumWindow {
                lookup.faults.add(
                    "the window \(window) is longer than the limit of \(DefinitionLanguage.maximumWindow)",
                    at: item.place, .limitExceeded)
            } else if !isExact, window.microseconds % hop.microseconds != 0 {
                lookup.faults.add(
                    "the window \(window) of aggregate `\(entry.name)` is not a multiple of \(hop), "
                        + "the step to which it is rounded",
                    at: item.place, fix: "use a multiple of \(hop), or give the aggregate `exact: true`")
            } else if windows.contains(window) {
                lookup.faults.add("the window \(window) is given twice", at: item.place)
            } else {
                windows.append(window)
            }
        }
        return windows
    }

    private mutating func checkFunction(
        _ function: AggregateFunction, on type: DataType, _ column: String, at place: MartletError.Place, _ what: String
    ) {
        let allowed: String? =
            switch function {
            case .sum, .mean, .stddev: type.isNumeric ? nil : "a numeric column"
            case .daysSince: type == .timestamp ? nil : "a timestamp column"
            case .min, .max: type.isNumeric || type == .timestamp ? nil : "a numeric or timestamp column"
            default: nil
            }
        guard let allowed else { return }
        lookup.faults.add(
            "\(what): \(function) needs \(allowed), but `\(column)` is of type \(type)", at: place,
            fix: "count, distinct, first and last take any column", .typeMismatch)
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

/// `count`, `sum(amount)`.
private func parseAggregate(_ text: String) -> (AggregateFunction, String?)? {
    if text == "count" { return (.count, nil) }
    guard text.hasSuffix(")"), let bracket = text.firstIndex(of: "("),
        let function = AggregateFunction(rawValue: String(text[..<bracket]))
    else { return nil }
    let column = String(text[text.index(after: bracket)...].dropLast())
    return isIdentifier(column) ? (function, column) : nil
}
