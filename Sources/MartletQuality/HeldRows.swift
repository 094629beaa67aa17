package import MartletDefinitions

/// A boolean SQL expression over a row that is true for one which a check of severity `error` or `critical` holds back
/// for what it alone says: what `CheckRun` decides for the rules that look at no other row. nil where there is no such
/// check.
package func heldRowCondition(_ definitions: [ChecksDefinition]) -> String? {
    let failing = definitions.flatMap(\.checks).filter { $0.severity > .warning }.compactMap(\.rule.failingRow)
    return failing.isEmpty ? nil : failing.map { "(\($0))" }.joined(separator: " OR ")
}
