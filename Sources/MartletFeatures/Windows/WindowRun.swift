import MartletDefinitions

/// The windows of a plan that end at one place, whatever the time: one pass over an entity's events serves them all.
struct WindowRun: Sendable, Hashable {
    let end: WindowEnd
    /// Indices into the plan's windows.
    var windows: [Int]
    /// With the outputs of these windows only.
    var groups: [StateGroup]
    /// Whether a window may hold an event that an earlier label's window did not reach any more, once late events are
    /// left out until they arrive: two sessions become one when the event between them does.
    let reachesBack: Bool
}

extension WindowPlan {
    static func runs(_ windows: [PlannedWindow], _ groups: [StateGroup]) -> [WindowRun] {
        var runs: [WindowRun] = []
        for (index, window) in windows.enumerated() {
            let reachesBack = if case .session = window.shape { true } else { false }
            if let run = runs.firstIndex(where: { $0.end == window.end && $0.reachesBack == reachesBack }) {
                runs[run].windows.append(index)
            } else {
                runs.append(WindowRun(end: window.end, windows: [index], groups: [], reachesBack: reachesBack))
            }
        }
        for run in runs.indices {
            let held = Set(runs[run].windows)
            runs[run].groups = groups.compactMap { group in
                var part = group
                part.outputs = group.outputs.filter { held.contains($0.window) }
                return part.outputs.isEmpty ? nil : part
            }
        }
        return runs
    }
}
