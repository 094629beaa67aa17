import MartletCore
import MartletDefinitions

/// What an assembly does with each record, worked out once: for every tier the windows with one end, shortest first,
/// and for every state the features that are lowered at each window.
struct AssemblyPlan: Sendable {
    struct Tier: Sendable {
        /// Index into the layout's tiers.
        var index: Int
        var stateByteCount: Int
        /// Where all the windows end.
        var end: WindowEnd
        /// Of a tier that keeps the newest events: where a state has their number.
        var rowsOffset: Int?
        /// Shortest first, so that each window is the one before it and some older tiles. One that is not by time alone
        /// stands by itself.
        var windows: [PlannedWindow]
        var steps: [Step]
    }

    struct Step: Sendable {
        var slot: TileSlot
        var windows: [Window]
    }

    struct Window: Sendable {
        /// Index into the tier's windows.
        var window: Int
        var outputs: [Output]
    }

    struct Output: Sendable {
        var function: AggregateFunction
        /// Without the time of reading.
        var parameters: LoweringParameters
        /// The column of the result.
        var column: Int
    }

    var tiers: [Tier]

    /// - Parameter selection: the features wanted, as columns of the result.
    init(_ plan: WindowPlan, _ layout: TileLayout, selection: [Int]) {
        tiers = []
        for (index, windows) in Self.parts(plan, layout) {
            let tier = layout.tiers[index]
            var steps: [Step] = []
            for slot in tier.slots {
                var stepWindows: [Window] = []
                for (place, window) in windows.enumerated() {
                    var outputs: [Output] = []
                    for output in plan.groups[slot.group].outputs where output.window == window {
                        for (column, feature) in selection.enumerated() where feature == output.feature {
                            outputs.append(
                                Output(function: output.function, parameters: output.parameters, column: column))
                        }
                    }
                    if !outputs.isEmpty { stepWindows.append(Window(window: place, outputs: outputs)) }
                }
                if !stepWindows.isEmpty { steps.append(Step(slot: slot, windows: stepWindows)) }
            }
            if !steps.isEmpty {
                tiers.append(
                    Tier(
                        index: index, stateByteCount: tier.stateByteCount, end: plan.windows[windows[0]].end,
                        rowsOffset: tier.newestCount == nil ? nil : tier.rows?.offset,
                        windows: windows.map { plan.windows[$0] }, steps: steps))
            }
        }
    }

    /// The windows of each tier that are assembled together.
    private static func parts(_ plan: WindowPlan, _ layout: TileLayout) -> [(tier: Int, windows: [Int])] {
        var parts: [(tier: Int, windows: [Int])] = []
        for index in plan.windows.indices.sorted(by: { plan.windows[$0].span < plan.windows[$1].span }) {
            let window = plan.windows[index]
            guard
                let tier = layout.tiers.firstIndex(where: {
                    $0.hop == window.hop && ($0.newestCount != nil) == (window.newestCount != nil)
                })
            else { preconditionFailure("every window has a tier") }
            let part = parts.firstIndex { part in
                let first = plan.windows[part.windows[0]]
                return part.tier == tier && window.shape.isByTime && first.shape.isByTime && first.end == window.end
            }
            if let part { parts[part].windows.append(index) } else { parts.append((tier, [index])) }
        }
        return parts
    }
}
