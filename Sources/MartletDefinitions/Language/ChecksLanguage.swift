internal import MartletCore

extension DefinitionLanguage {
    static let checks = ObjectShape(
        "checks", "What the rows of a source must satisfy before they enter its silver table.",
        named(.checks, "The name of this set of checks.") + [
            MemberShape("source", .name, isRequired: true, "The source whose rows are checked."),
            MemberShape("rules", .list(.object(rule)), isRequired: true, "The checks."),
        ])

    static let ruleKeys = ["row_count", "not_null", "unique", "accepted", "range", "regex", "freshness", "sql"]

    static let rule = ObjectShape(
        "a check", "One rule with its severity.",
        [
            MemberShape("row_count", .object(rowCount), "Bounds on the number of rows of a batch."),
            MemberShape("not_null", .name, "A column whose values are never missing."),
            MemberShape("unique", names, "Columns whose values together are never repeated."),
            MemberShape("accepted", .object(accepted), "A column and the values it may have."),
            MemberShape("range", .object(range), "A column and the bounds of its values."),
            MemberShape("regex", .object(regex), "A text column and the RE2 pattern that all of its text matches."),
            MemberShape("freshness", .object(freshness), "A timestamp column and how old its newest value may be."),
            MemberShape("sql", .text, "A boolean SQL expression that is true for each good row."),
            MemberShape("name", .name, "Its name in reports; without it the rule and its columns."),
            MemberShape(
                "severity", .choice(Check.Severity.allCases.map(\.rawValue)),
                "warning: report; error: quarantine the rows; critical: quarantine and stop. Without it error."),
        ], exactlyOne: [ruleKeys])

    static let rowCount = ObjectShape(
        "row_count", "Both bounds included.",
        [
            MemberShape("min", .integer(0...Int64.max), "The least number of rows."),
            MemberShape("max", .integer(0...Int64.max), "The greatest number of rows."),
        ])
    static let accepted = ObjectShape(
        "accepted", "Missing values pass.",
        [
            MemberShape("column", .name, isRequired: true, "The column."),
            MemberShape("values", .list(.scalar), isRequired: true, "The values it may have."),
        ])
    static let range = ObjectShape(
        "range", "Both bounds included; missing values pass.",
        [
            MemberShape("column", .name, isRequired: true, "The numeric column."),
            MemberShape("min", .number, "The least value."), MemberShape("max", .number, "The greatest value."),
        ])
    static let regex = ObjectShape(
        "regex", "The whole text matches; missing values pass.",
        [
            MemberShape("column", .name, isRequired: true, "The text column."),
            MemberShape("pattern", .text, isRequired: true, "The RE2 pattern."),
        ])
    static let freshness = ObjectShape(
        "freshness", "How old the newest value may be.",
        [
            MemberShape("column", .name, isRequired: true, "The timestamp column."),
            MemberShape("max_age", .timeSpan, isRequired: true, "The greatest age."),
        ])
}

extension ChecksDefinition {
    /// - Returns: nil where there are faults; they are in `lookup`, but for those of the shape.
    init?(_ object: CheckedObject, about: About, lookup: inout DefinitionLookup) {
        let before = lookup.faults.faults.count
        guard let sourceValue = object["source"], let sourceName = sourceValue.text else { return nil }
        let source = lookup.source(sourceName, at: sourceValue.place)
        var checks: [Check] = []
        var names: Set<String> = []
        for item in object["rules"]?.list ?? [] {
            guard let item = item.object, item.isWhole,
                let rule = CheckRuleBuilder(object: item, source: source).rule(&lookup.faults)
            else { continue }
            var name = item.text("name") ?? String(rule.defaultName.prefix(63))
            if !names.insert(name).inserted {
                if let given = item["name"] {
                    lookup.faults.add("two checks are named `\(name)`", at: given.place, fix: "rename one of them")
                } else {
                    // The same rule again, with other values: numbered in the order of the file.
                    var number = 2
                    while !names.insert("\(name.prefix(58))_\(number)").inserted { number += 1 }
                    name = "\(name.prefix(58))_\(number)"
                }
            }
            let severity = item.text("severity").flatMap(Check.Severity.init(rawValue:)) ?? .error
            checks.append(Check(name: name, rule: rule, severity: severity))
        }
        guard object.isWhole, lookup.faults.faults.count == before else { return nil }
        self.init(about: about, source: sourceName, checks: checks)
    }
}

extension Check.Rule {
    /// The rule and its columns: `not_null_amount`.
    fileprivate var defaultName: String {
        switch self {
        case .rowCount: "row_count"
        case .notNull(let column): "not_null_\(column)"
        case .unique(let columns): "unique_\(columns.joined(separator: "_"))"
        case .accepted(let column, _): "accepted_\(column)"
        case .range(let column, _, _): "range_\(column)"
        case .regex(let column, _): "regex_\(column)"
        case .freshness(let column, _): "freshness_\(column)"
        case .sql: "sql"
        }
    }
}
