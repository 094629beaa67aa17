internal import MartletCore

/// Collects everything that is wrong, so that the author sees it at once.
struct FaultList: Sendable {
    /// More than a person reads; the rest is dropped.
    static let maximumCount = 1_000

    private(set) var faults: [MartletError] = []

    mutating func add(
        _ message: String, at place: MartletError.Place, fix: String? = nil,
        _ code: MartletError.Code = .invalidDefinition
    ) {
        add(MartletError(code, message, place: place, fix: fix))
    }

    mutating func add(_ fault: MartletError) {
        if faults.count < Self.maximumCount { faults.append(fault) }
    }

    mutating func append(_ other: FaultList) {
        for fault in other.faults { add(fault) }
    }

    /// In the order of the files and of their lines.
    var sorted: [MartletError] {
        func key(_ fault: MartletError) -> (String, Int, Int, String) {
            (fault.place?.file ?? "", fault.place?.line ?? 0, fault.place?.column ?? 0, fault.message)
        }
        return faults.sorted { key($0) < key($1) }
    }
}

/// `did you mean `x`?`, or the list of what there is where nothing is near.
func suggestion(for name: String, among candidates: [String]) -> String? {
    if let nearest = nearestName(to: name, among: candidates) { return "did you mean `\(nearest)`?" }
    let longer = candidates.filter { $0.hasPrefix(name) || name.hasPrefix($0) }
    if longer.count == 1 { return "did you mean `\(longer[0])`?" }
    guard !candidates.isEmpty else { return nil }
    let shown = candidates.sorted().prefix(12).joined(separator: ", ")
    return "known here: \(shown)\(candidates.count > 12 ? ", …" : "")"
}
