/// No name of ours is longer: to compare a longer one would only cost time, as much as a hostile client likes.
private let longestNameBytes = 256

/// The candidate closest to a misspelt name, for error messages.
/// - Returns: nil where none is within a third of its length (at least 2 edits), or the name is longer than 256 bytes.
///   O(candidates x length squared).
package func nearestName(to name: String, among candidates: some Sequence<String>) -> String? {
    guard name.utf8.count <= longestNameBytes else { return nil }
    let scored = candidates.map { ($0, editDistance(name, $0)) }.sorted { ($0.1, $0.0) < ($1.1, $1.0) }
    guard let (best, distance) = scored.first, distance <= max(2, name.count / 3) else { return nil }
    return best
}

/// Levenshtein distance over characters.
private func editDistance(_ left: String, _ right: String) -> Int {
    let target = Array(right)
    var row = Array(0...target.count)
    for (i, a) in left.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, b) in target.enumerated() {
            let next = min(row[j] + 1, row[j + 1] + 1, diagonal + (a == b ? 0 : 1))
            diagonal = row[j + 1]
            row[j + 1] = next
        }
    }
    return row[target.count]
}
