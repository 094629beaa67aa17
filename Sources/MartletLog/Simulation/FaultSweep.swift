/// Lets the nth call of the disk fail, for each n of a range, in runs of the log with its followers that are the same
/// up to there; once, and from there on. After each the log is opened again on a disk that works, and all promises are
/// looked at.
package struct FaultSweep: Sendable {
    package var seed: UInt64 = 1
    /// What happens in each run.
    package var steps = 90

    package init() {}

    package struct Report: Sendable, Hashable {
        package var runs = 0
        /// Runs that came as far as to the call.
        package var met = 0
        package var acknowledged = 0
        package var refused = 0
        package var assertions = 0
        /// Runs in which a promise was not kept, with it.
        package var broken: [String] = []
    }

    package func run(
        _ fault: SimulatedDisk.Fault, isForEver: Bool, calls: some Sequence<Int>
    ) -> Report {
        var report = Report()
        for call in calls {
            var settings = Simulation.Settings()
            settings.steps = steps
            settings.fault = .init(fault: fault, call: call, isForEver: isForEver)
            let run = Simulation.run(
                seed: seed, settings: settings, participants: [SimulatedLander(), SimulatedCounter()])
            report.runs += 1
            if run.faults > 0 { report.met += 1 }
            report.acknowledged += run.acknowledged
            report.refused += run.refused
            report.assertions += run.assertions
            if let broken = run.broken { report.broken.append("call \(call): \(broken)") }
        }
        return report
    }
}
