internal import MartletCore

/// Builds the aggregates of a feature view from their checked keys.
struct AggregateBuilder {
    private let columns: RowColumns
    private let viewWindows: Checked?
    /// Whether the view's shape has no faults, so that what is missing was not just unreadable.
    private let isViewWhole: Bool
    /// Those that the shapes did not show.
    private(set) var faults = FaultList()

    init(columns: RowColumns, viewWindows: Checked?, isViewWhole: Bool) {
        self.columns = columns
        self.viewWindows = viewWindows
        self.isViewWhole = isViewWhole
    }

    /// Without those that have faults.
    mutating func read(_ entries: [CheckedEntry]) -> [WindowAggregate] {
        var list: [WindowAggregate] = []
        for entry in entries { if let aggregate = read(entry) { list.append(aggregate) } }
        for entry in entries where entry.value.object?.text("function") == AggregateFunction.ratio.rawValue {
            checkRatio(entry, among: list, isWhole: list.count == entries.count)
        }
        return list
    }

    private mutating func read(_ entry: CheckedEntry) -> WindowAggregate? {
        let what = "aggregate `\(entry.name)`"
        let object = entry.value.object
        var head = Head(function: .count, column: nil, place: entry.value.place, parameters: AggregateParameters())
        if let text = entry.value.text {
            guard let parsed = readText(text, entry, what) else { return nil }
            head = parsed
        } else {
            guard let object, let named = object.text("function").flatMap(FunctionName.init) else { return nil }
            head.function = named.function
            head.parameters.quantile = named.quantile
            head.column = object.text("column")
            head.place = object.place("column")
        }
        var windows = WindowsBuilder(object: object, viewWindows: viewWindows, isViewWhole: isViewWhole)
        let held = windows.read(entry)
        faults.append(windows.faults)
        checkFilter(object, what)
        guard let held, checkParameters(object, &head, entry, what) else { return nil }
        var columnType = DataType.int64
        if let column = head.column {
            guard let type = columns.type(object?["type"], of: column, at: head.place, for: what, &faults) else {
                return nil
            }
            checkType(head.function, type, column, at: head.place, what)
            columnType = type
        } else if let type = object?["type"] {
            faults.add("\(what) has a type but no column", at: type.place, fix: "remove `type`")
        }
        return WindowAggregate(
            name: entry.name, function: head.function, column: head.column, columnType: columnType,
            parameters: head.parameters, filter: object?.text("where"), windows: held.spans, isExact: held.isExact,
            shape: held.shape, lag: held.lag, description: object?.text("description") ?? "")
    }

    private mutating func checkFilter(_ object: CheckedObject?, _ what: String) {
        guard let filter = object?["where"], let text = filter.text else { return }
        if let fault = expressionFault(text) {
            faults.add("\(what): `where` is not one expression: \(fault)", at: filter.place)
        }
        if object?.text("function") == AggregateFunction.ratio.rawValue {
            faults.add(
                "\(what): a ratio has no `where`", at: filter.place, fix: "give it to the aggregates it is made of")
        }
    }

    /// What is aggregated and how.
    private struct Head {
        var function: AggregateFunction
        var column: String?
        var place: MartletError.Place
        var parameters: AggregateParameters
    }

    /// `count`, `sum(amount)`.
    private mutating func readText(_ text: String, _ entry: CheckedEntry, _ what: String) -> Head? {
        let place = entry.value.place
        guard let bracket = text.firstIndex(of: "("), text.hasSuffix(")") else {
            if let named = FunctionName(text) {
                if named.function.columnUse == .optional {
                    return Head(function: named.function, column: nil, place: place, parameters: AggregateParameters())
                }
                faults.add("\(what) is a \(text) of no column", at: place, fix: "write `\(text)(column)`")
            } else {
                addUnknown(text, text, place, what)
            }
            return nil
        }
        let name = String(text[..<bracket])
        let column = String(text[text.index(after: bracket)...].dropLast())
        guard let named = FunctionName(name), isIdentifier(column) else {
            addUnknown(text, name, place, what)
            return nil
        }
        return Head(
            function: named.function, column: column, place: place,
            parameters: AggregateParameters(quantile: named.quantile))
    }

    private mutating func addUnknown(_ text: String, _ name: String, _ place: MartletError.Place, _ what: String) {
        faults.add(
            "\(what) is `\(text)`, which is not an aggregate such as count or sum(amount)", at: place,
            fix: suggestion(for: name, among: DefinitionLanguage.functionNames))
    }

    /// Reads the parameters and refuses those that the function lacks or does not have.
    private mutating func checkParameters(
        _ object: CheckedObject?, _ head: inout Head, _ entry: CheckedEntry, _ what: String
    ) -> Bool {
        let function = head.function
        var isWhole = true
        for name in DefinitionLanguage.parameterNames {
            let needs = name == "q" ? head.parameters.quantile == nil : true
            let isRequired = function.requiredParameters.contains(name) && needs
            if let value = object?[name], !function.requiredParameters.contains(name) || !needs {
                if name == "by", function.takesCategory { continue }
                faults.add("\(what): a \(function.rawValue) has no `\(name)`", at: value.place, fix: "remove it")
                isWhole = false
            } else if isRequired, object?[name] == nil {
                if object == nil || isViewWhole {
                    faults.add(
                        "\(what): a \(function.rawValue) needs `\(name)`", at: entry.namePlace,
                        fix: "write {function: \(function.rawValue), \(DefinitionLanguage.example(of: name))}")
                }
                isWhole = false
            }
        }
        switch function.columnUse {
        case .required where head.column == nil:
            faults.add("\(what) is a \(function.rawValue) of no column", at: entry.value.place, fix: "add `column`")
            isWhole = false
        case .none where head.column != nil:
            faults.add("\(what): a \(function.rawValue) has no column", at: head.place, fix: "remove `column`")
            isWhole = false
        default: break
        }
        guard isWhole, let object else { return isWhole }
        return readParameters(object, &head, what)
    }

    private mutating func readParameters(_ object: CheckedObject, _ head: inout Head, _ what: String) -> Bool {
        if let value = object["q"], let q = value.number {
            if !(0...1).contains(q) {
                faults.add("\(what): `q` is \(q), not between 0 and 1", at: value.place, fix: "0.5 is the median")
            }
            head.parameters.quantile = q
        }
        head.parameters.length = (object["n"] ?? object["k"])?.integer.map { Int($0) }
        for (name, path) in [("half_life", \AggregateParameters.halfLife), ("gap", \.gap)] {
            guard let value = object[name], let span = value.timeSpan else { continue }
            if span < .seconds(1) || span > DefinitionLanguage.maximumWindow {
                faults.add(
                    "\(what): `\(name)` is \(span), not between 1s and \(DefinitionLanguage.maximumWindow)",
                    at: value.place)
            }
            head.parameters[keyPath: path] = span
        }
        if let value = object["by"], let name = value.text {
            guard let type = columns.type(object["by_type"], of: name, at: value.place, for: what, &faults) else {
                return false
            }
            if !AggregateFunction.categoryTypes.contains(type) {
                faults.add(
                    "\(what): `by` needs a string, bool or integer column, but `\(name)` is of type \(type)",
                    at: value.place, .typeMismatch)
            }
            head.parameters.category = name
            head.parameters.categoryType = type
        } else if let type = object["by_type"] {
            faults.add("\(what) has `by_type` but no `by`", at: type.place, fix: "remove it")
        }
        head.parameters.dividend = object.text("of")
        head.parameters.divisor = object.text("to")
        return true
    }

    private mutating func checkType(
        _ function: AggregateFunction, _ type: DataType, _ column: String, at place: MartletError.Place, _ what: String
    ) {
        let allowed: String? =
            switch function {
            case _ where type.isNested: "a column of one value a row"
            case .min, .max: type.isNumeric || type == .timestamp ? nil : "a numeric or timestamp column"
            case .daysSince: type == .timestamp ? nil : "a timestamp column"
            case .histogram: function.takes(type) ? nil : "a string, bool or integer column"
            default: type.isNumeric || function.takes(.string) ? nil : "a numeric column"
            }
        guard let allowed else { return }
        faults.add(
            "\(what): \(function.rawValue) needs \(allowed), but `\(column)` is of type \(type)", at: place,
            fix: type.isNested ? "`latest` takes any column" : "count, distinct, first and last take any column",
            .typeMismatch)
    }

    /// Both parts of a ratio are numbers of the same view, over the same windows.
    private mutating func checkRatio(_ entry: CheckedEntry, among list: [WindowAggregate], isWhole: Bool) {
        guard let ratio = list.first(where: { $0.name == entry.name }), let object = entry.value.object else { return }
        for (key, name) in [("of", ratio.parameters.dividend), ("to", ratio.parameters.divisor)] {
            guard let name else { continue }
            guard let part = list.first(where: { $0.name == name }) else {
                // It may be one of those with faults of their own.
                if isWhole {
                    faults.add(
                        "aggregate `\(entry.name)`: the view has no aggregate `\(name)`", at: object.place(key),
                        fix: suggestion(for: name, among: list.map(\.name).filter { $0 != entry.name }))
                }
                continue
            }
            if !part.isNumber || part.function == .ratio {
                faults.add(
                    "aggregate `\(entry.name)`: `\(name)` is no number that can be divided", at: object.place(key),
                    fix: "use aggregates such as count, sum and mean", .typeMismatch)
            }
            let missing = ratio.windows.filter { !part.windows.contains($0) }
            if let window = missing.first {
                faults.add(
                    "aggregate `\(entry.name)`: `\(name)` has no window \(window)", at: object.place(key),
                    fix: "give `\(name)` the same windows")
            } else if part.isExact != ratio.isExact || part.shape != ratio.shape || part.lag != ratio.lag {
                faults.add(
                    "aggregate `\(entry.name)` and `\(name)` have windows of different kinds", at: object.place(key),
                    fix: "give both the same `exact`, `tumbling`, `session`, `last` and `lag`")
            }
        }
    }
}

/// A function as it is written; `median` is the quantile of a half.
private struct FunctionName {
    let function: AggregateFunction
    var quantile: Double?

    init?(_ text: String) {
        if text == DefinitionLanguage.median {
            function = .quantile
            quantile = 0.5
        } else if let function = AggregateFunction(rawValue: text) {
            self.function = function
        } else {
            return nil
        }
    }
}

extension AggregateFunction {
    fileprivate var requiredParameters: [String] {
        switch self {
        case .quantile: ["q"]
        case .firstN, .lastN: ["n"]
        case .topK: ["k"]
        case .decayedSum, .decayedMean: ["half_life"]
        case .sessionCount: ["gap"]
        case .ratio: ["of", "to"]
        default: []
        }
    }
}
