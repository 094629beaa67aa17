/// What goes first when not everything can go.
package enum RoutePriority: Int, Sendable, CaseIterable {
    /// Health, readiness, metrics: answered even where every other request is refused.
    case probe
    /// Answered inline, or within moments: refused only where there are more connections than may be.
    case online
    /// Work that reads or changes the workspace and ends soon; with a bound of its own.
    case work
    /// Loads, training sets, uploads: with a bound of its own, on threads that give way to all others.
    case longWork

    /// In metrics.
    package var name: String {
        switch self {
        case .probe: "probe"
        case .online: "online"
        case .work: "work"
        case .longWork: "long_work"
        }
    }
}
