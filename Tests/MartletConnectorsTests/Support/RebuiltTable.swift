import MartletConnectors
import MartletCore

/// The table that captured changes make when they are applied in their order, by the key; strict: a change that cannot
/// be applied is a fault of the capture.
struct RebuiltTable {
    private(set) var rows: [[UInt8]: [String: String?]] = [:]
    private(set) var faults: [String] = []
    private(set) var versions: Set<Int> = []

    init(_ messages: [RawMessage]) {
        var seen: Set<[UInt8]> = []
        for message in messages {
            if !seen.insert(message.id).inserted {
                faults.append("twice: \(String(decoding: message.id, as: UTF8.self))")
            }
            apply(message)
        }
    }

    /// Each row as `column=value` in the order of the columns' names, sorted.
    var lines: [String] {
        rows.values.map { row in
            row.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value ?? "null")" }.joined(separator: ",")
        }.sorted()
    }

    private mutating func apply(_ message: RawMessage) {
        guard case .row(let after, let before) = message.payload else {
            faults.append("no row")
            return
        }
        if let after { versions.insert(after.table.version) }
        switch message.operation {
        case .truncate: rows = [:]
        case .insert:
            guard let after else { return faults.append("an insert without its row") }
            // Of a row whose key changed: what was not sent stands in the deleted one.
            var row: [String: String?] = before.flatMap { removed[key($0)] } ?? [:]
            fill(&row, after)
            if rows.updateValue(row, forKey: key(after)) != nil { faults.append("an insert of a row that is there") }
        case .update:
            guard let after else { return faults.append("an update without its row") }
            guard var row = rows[key(after)] else { return faults.append("an update of no row") }
            fill(&row, after)
            rows[key(after)] = row
        case .delete:
            guard let before else { return faults.append("a delete without its row") }
            guard let row = rows.removeValue(forKey: key(before)) else { return faults.append("a delete of no row") }
            removed = [key(before): row]
        }
    }

    private var removed: [[UInt8]: [String: String?]] = [:]

    private func key(_ row: RawRow) -> [UInt8] {
        var key: [UInt8] = []
        for (index, column) in row.table.columns.enumerated() where column.isKey {
            if case .text(let text) = row[index] { key += text }
            key.append(0)
        }
        return key
    }

    private mutating func fill(_ row: inout [String: String?], _ new: RawRow) {
        for (index, column) in new.table.columns.enumerated() {
            switch new[index] {
            case .null: row[column.name] = .some(nil)
            case .text(let text): row[column.name] = String(decoding: text, as: UTF8.self)
            case .unchanged:
                if row[column.name] == nil { faults.append("nothing is known of \(column.name)") }
            }
        }
    }
}
