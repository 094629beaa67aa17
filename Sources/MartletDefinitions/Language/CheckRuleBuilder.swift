internal import MartletCore

/// Builds one rule of a set of checks.
struct CheckRuleBuilder {
    /// Without faults of shape.
    let object: CheckedObject
    /// nil where the source is unknown or faulty; columns are not judged then.
    let source: SourceDefinition?

    /// - Returns: nil where there are faults, which are added to `faults`.
    func rule(_ faults: inout FaultList) -> Check.Rule? {
        let before = faults.faults.count
        let rule = build(&faults)
        return faults.faults.count == before ? rule : nil
    }

    private func build(_ faults: inout FaultList) -> Check.Rule? {
        if let value = object["not_null"] {
            return column(value, &faults).map { .notNull(column: $0.name) }
        }
        if let value = object["unique"] {
            let columns = value.oneOrMore
            for name in columns { _ = column(name.text, at: name.place, &faults) }
            if Set(columns.map(\.text)).count < columns.count {
                faults.add("a column is twice in `unique`", at: value.place)
            }
            return .unique(columns: columns.map(\.text))
        }
        if let value = object["sql"], let text = value.text {
            if let fault = expressionFault(text) {
                faults.add("`sql` is not one expression: \(fault)", at: value.place)
            }
            return .sql(expression: text)
        }
        if let value = object["row_count"], let bounds = value.object {
            let minimum = bounds["min"]?.integer.map { Int($0) }
            let maximum = bounds["max"]?.integer.map { Int($0) }
            checkBounds(minimum.map(Double.init), maximum.map(Double.init), at: value.place, &faults)
            return .rowCount(minimum: minimum, maximum: maximum)
        }
        if let value = object["accepted"], let parts = value.object { return accepted(parts, &faults) }
        if let value = object["range"], let parts = value.object {
            let (minimum, maximum) = (parts["min"]?.number, parts["max"]?.number)
            checkBounds(minimum, maximum, at: value.place, &faults)
            let column = parts["column"].flatMap { self.column($0, ofType: \.isNumeric, "a numeric column", &faults) }
            return column.map { .range(column: $0.name, minimum: minimum, maximum: maximum) }
        }
        if let parts = object["regex"]?.object, let pattern = parts.text("pattern") {
            let column = parts["column"].flatMap {
                self.column($0, ofType: { $0 == .string }, "a string column", &faults)
            }
            return column.map { .regex(column: $0.name, pattern: pattern) }
        }
        if let parts = object["freshness"]?.object, let age = parts["max_age"], let maximum = age.timeSpan {
            if maximum <= .zero { faults.add("`max_age` is not positive", at: age.place) }
            let column = parts["column"].flatMap {
                self.column($0, ofType: { $0 == .timestamp }, "a timestamp column", &faults)
            }
            return column.map { .freshness(column: $0.name, maximumAge: maximum) }
        }
        return nil
    }

    private func accepted(_ parts: CheckedObject, _ faults: inout FaultList) -> Check.Rule? {
        guard let columnValue = parts["column"], let column = column(columnValue, &faults),
            let list = parts["values"]?.list
        else { return nil }
        var values: [Value] = []
        for item in list {
            guard let scalar = item.scalar, let type = column.type else { continue }
            switch typedValue(scalar, as: type) {
            case .success(let value):
                if values.contains(value) { faults.add("a value of `\(column.name)` is given twice", at: item.place) }
                values.append(value)
            case .failure(let misfit):
                faults.add(
                    "a value of `\(column.name)` \(misfit.message)", at: item.place, fix: misfit.fix, .typeMismatch)
            }
        }
        return .accepted(column: column.name, values: values)
    }

    private func checkBounds(
        _ minimum: Double?, _ maximum: Double?, at place: MartletError.Place, _ faults: inout FaultList
    ) {
        if minimum == nil, maximum == nil {
            faults.add("a bound is missing", at: place, fix: "give `min`, `max` or both")
        } else if let minimum, let maximum, minimum > maximum {
            faults.add("`min` is greater than `max`", at: place)
        }
    }

    /// `type` is nil where the source is not known.
    private typealias Column = (name: String, type: DataType?)

    private func column(_ value: Checked, _ faults: inout FaultList) -> Column? {
        value.text.flatMap { column($0, at: value.place, &faults) }
    }

    private func column(_ name: String, at place: MartletError.Place, _ faults: inout FaultList) -> Column? {
        guard let source else { return (name, nil) }
        if let column = source.columns.first(where: { $0.name == name }) { return (name, column.type) }
        faults.add(
            "source \(source.about.name) has no column `\(name)`", at: place,
            fix: suggestion(for: name, among: source.columns.map(\.name)), .missingColumn)
        return nil
    }

    private func column(
        _ value: Checked, ofType fits: (DataType) -> Bool, _ wanted: String, _ faults: inout FaultList
    ) -> Column? {
        guard let column = column(value, &faults) else { return nil }
        if let type = column.type, !fits(type) {
            faults.add(
                "the check needs \(wanted), but `\(column.name)` is of type \(type)", at: value.place, .typeMismatch)
            return nil
        }
        return column
    }
}
