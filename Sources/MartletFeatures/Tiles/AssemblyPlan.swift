import MartletCore
import MartletDefinitions

/// What an assembly does with each record, worked out once: for every tier its windows, shortest first, and for every
/// state the features that are lowered at each window.
struct AssemblyPlan: Sendable {
    struct Tier: Sendable {
        /// Index into the layout's tiers.
        var index: Int
        var stateByteCount: Int
        /// Shortest first, so that each window is the one before it and some older tiles.
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
        for (index, tier) in layout.tiers.enumerated() {
            let windows = plan.windows.indices.filter { plan.windows[$0].hop == tier.hop }
                .sorted { plan.windows[$0].span < plan.windows[$1].span }
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
                        index: index, stateByteCount: tier.stateByteCount, windows: windows.map { plan.windows[$0] },
                        steps: steps))
            }
        }
    }
}
