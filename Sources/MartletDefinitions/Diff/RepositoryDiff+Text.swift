extension RepositoryDiff {
    /// A line for each addition (`+`), removal (`-`) and changed field (`~`), with what it touches below, and the
    /// counts.
    ///
    ///     + features customer_spending
    ///     ~ source payments: columns.amount.type float32 -> float64
    ///         touches features customer_spending, service fraud_score
    ///
    ///     1 to add, 1 to change, 0 to remove
    package var text: String {
        guard !isEmpty else { return "no changes\n" }
        var lines: [String] = []
        for change in changes {
            switch change.action {
            case .added: lines.append("+ \(change.key)")
            case .removed: lines.append("- \(change.key)")
            case .changed(let fields): lines += fields.map { "~ \(change.key): \($0.text)" }
            }
            // What uses a new definition is new or changed itself.
            if change.action != .added, !change.downstream.isEmpty {
                lines.append("    touches \(change.downstream.map(\.description).joined(separator: ", "))")
            }
        }
        lines.append("")
        lines.append("\(count(.added)) to add, \(count(.changed)) to change, \(count(.removed)) to remove")
        return lines.joined(separator: "\n") + "\n"
    }

    private enum Kind { case added, changed, removed }

    private func count(_ kind: Kind) -> Int {
        changes.count { change in
            switch change.action {
            case .added: kind == .added
            case .changed: kind == .changed
            case .removed: kind == .removed
            }
        }
    }
}

extension RepositoryDiff.FieldChange {
    /// `columns.amount.type float32 -> float64`, `+ columns.note {type: string}`, `- owner`.
    package var text: String {
        switch (before, after) {
        case (nil, let after?): "+ \(path) \(shown(after))"
        case (_, nil): "- \(path)"
        case (let before?, let after?): "\(path) \(shown(before)) -> \(shown(after))"
        }
    }
}

/// Long texts by their beginning, several lines by their number.
private func shown(_ text: String) -> String {
    let line = text.hasSuffix("\n") ? String(text.dropLast()) : text
    let lines = line.split(separator: "\n", omittingEmptySubsequences: false).count
    if lines > 1 { return "(\(lines) lines)" }
    if line.isEmpty { return "\"\"" }
    return line.count > 100 ? "\(line.prefix(97))…" : line
}
