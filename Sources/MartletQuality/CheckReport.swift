package import MartletCore
package import MartletDefinitions

/// How the checks of a batch came out.
package struct CheckReport: Sendable, Hashable {
    package struct Result: Sendable, Hashable {
        package let check: Check
        package let passed: Bool
        /// Rows that fail the check; 0 for a rule about the batch as a whole.
        package let failingRows: Int
        /// What was measured, in words, without a value of any row: `12 of 1,000 rows`, `newest is 3h old`.
        package let finding: String
    }

    package let rowCount: Int
    /// In the order of the definitions.
    package let results: [Result]
    /// Rows that fail at least one check of severity `error` or `critical`.
    package let failingRowCount: Int

    package var failures: [Result] { results.filter { !$0.passed } }

    /// Whether a critical check failed: nothing of the batch may go on.
    package var isCritical: Bool { failures.contains { $0.check.severity == .critical } }

    /// The failures in one line.
    package var summary: String {
        failures.isEmpty
            ? "all \(results.count) checks passed"
            : failures.map { "\($0.check.name) (\($0.check.severity.rawValue)): \($0.finding)" }.joined(separator: "; ")
    }

    /// One line a check.
    package var text: String {
        let width = results.map(\.check.name.count).max() ?? 0
        return results.map { result in
            let name = result.check.name + String(repeating: " ", count: width - result.check.name.count)
            let state = result.passed ? "passed" : "FAILED"
            return "  \(state)  \(name)  \(result.check.severity.rawValue)  \(result.finding)"
        }.joined(separator: "\n")
    }

    package func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("rows", rowCount)
            json.member("failing_rows", failingRowCount)
            json.key("checks")
            json.array { json in
                for result in results {
                    json.object {
                        $0.member("name", result.check.name)
                        $0.member("severity", result.check.severity.rawValue)
                        $0.member("passed", result.passed)
                        $0.member("failing_rows", result.failingRows)
                        $0.member("finding", result.finding)
                    }
                }
            }
        }
    }
}
