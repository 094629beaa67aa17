internal import Glibc
internal import MartletCore
internal import MartletDefinitions
internal import MartletPlatform

extension Invocation {
    var repository: String { string("repository") ?? "." }

    /// Opens the workspace of the repository, as the user who runs the command.
    func openWorkspace() throws -> (workspace: Workspace, principal: Principal) {
        let workspace = try Workspace(directory: repository)
        let user = unsafe getenv("USER").map { unsafe String(cString: $0) } ?? "local"
        return (workspace, Principal(tenant: workspace.settings.tenant, name: user.isEmpty ? "local" : user))
    }
}

/// `1234567` as `1,234,567`.
func grouped(_ number: some BinaryInteger) -> String {
    let digits = Array(number.magnitude.description)
    var text = number < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
        if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
        text.append(digit)
    }
    return text
}

/// With a fixed number of decimals, as durations and rates are shown.
func fixed(_ number: Double, _ decimals: Int) -> String {
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let rounded = (number * scale).rounded()
    guard rounded.magnitude < 1e15 else { return number.description }
    let whole = Int(rounded.magnitude)
    let sign = rounded < 0 ? "-" : ""
    if decimals == 0 { return sign + whole.description }
    let fraction = (whole % Int(scale)).description
    return "\(sign)\(whole / Int(scale)).\(String(repeating: "0", count: decimals - fraction.count))\(fraction)"
}

/// Rows of text in columns: the first left-aligned, the others as wide as they need.
func table(_ header: [String], _ rows: [[String]]) -> String {
    let all = [header] + rows
    let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { row in
        var line = ""
        for (column, cell) in row.enumerated() {
            line +=
                cell + (column == row.count - 1 ? "" : String(repeating: " ", count: widths[column] - cell.count + 2))
        }
        return line
    }.joined(separator: "\n")
}
