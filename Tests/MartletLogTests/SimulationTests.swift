import FoundationEssentials
import MartletCore
import MartletLog
import Testing

@Suite("The log and its followers under a simulated disk")
struct SimulationTests {
    private static func run(_ seed: UInt64, steps: Int, defect: LogDefect? = nil) -> SimulationReport {
        var settings = Simulation.Settings()
        settings.steps = steps
        settings.defect = defect
        return Simulation.run(
            seed: seed, settings: settings, participants: [SimulatedLander(), SimulatedCounter()])
    }

    @Test("no promise is broken by torn, lost and reordered writes, failing calls and deaths, over 200 seeds")
    func seeds() {
        var reports: [SimulationReport] = []
        for seed in UInt64(0)..<200 {
            // Compaction takes what is old and of a key that came again: long runs alone have such.
            let steps = seed % 20 == 0 ? 300 : 40
            let report = Self.run(seed, steps: steps)
            #expect(report.broken == nil, "seed \(seed)")
            #expect(report.steps == steps && report.acknowledged > 5 && report.checks > 0, "seed \(seed)")
            reports.append(report)
        }
        func sum(_ value: (SimulationReport) -> Int) -> Int { reports.reduce(0) { $0 + value($1) } }
        print(
            "200 seeds: \(sum(\.acknowledged)) appends acknowledged, \(sum(\.refused)) refused,",
            "\(sum(\.faults)) faults, \(sum(\.compacted)) events compacted,",
            "\(sum(\.kills)) kills, \(sum(\.powerCuts)) power cuts, \(sum(\.assertions)) assertions, broken",
            reports.count { $0.broken != nil })
        #expect(sum(\.compacted) > 0 && sum(\.powerCuts) > 100 && sum(\.faults) > 100)
    }

    @Test("the same seed gives the same run, another seed another one")
    func determinism() {
        let first = Self.run(4_711, steps: 300)
        #expect(Self.run(4_711, steps: 300) == first)
        #expect(Self.run(4_712, steps: 300).traceHash != first.traceHash)
        #expect(first.powerCuts > 0 && first.faults > 0 && first.kills > 0 && first.compacted > 0)
    }

    @Test("followers land and count all of a run")
    func followers() {
        let (lander, counter) = (SimulatedLander(), SimulatedCounter())
        let report = Simulation.run(seed: 12, participants: [lander, counter])
        #expect(report.broken == nil)
        #expect(lander.landedRows > 20 && lander.landedRows <= report.events + 100)
        #expect(counter.restores > 3)
    }

    @Test("whatever the log breaks on purpose is noticed", arguments: LogDefect.allCases)
    func defects(defect: LogDefect) {
        for seed in UInt64(0)..<400 {
            let report = Self.run(seed, steps: 120, defect: defect)
            if let broken = report.broken {
                print("\(defect): noticed with seed \(seed) after \(report.steps) steps: \(broken)")
                return
            }
        }
        Issue.record("\(defect) was not noticed")
    }

    struct Case: Sendable, CustomStringConvertible {
        var fault: SimulatedDisk.Fault
        var isForEver: Bool
        var description: String { "\(fault), \(isForEver ? "for ever" : "once")" }
    }

    static let cases = [SimulatedDisk.Fault.inputOutput, .full, .shortWrite].flatMap { fault in
        [false, true].map { Case(fault: fault, isForEver: $0) }
    }

    /// Every eleventh call; all 500 with `MARTLET_FAULT_SWEEP=full`.
    @Test("whichever of 500 calls fails, nothing acknowledged is lost and nothing is silently wrong", arguments: cases)
    func sweep(setup: Case) {
        let isFull = ProcessInfo.processInfo.environment["MARTLET_FAULT_SWEEP"] == "full"
        let report = FaultSweep().run(
            setup.fault, isForEver: setup.isForEver, calls: stride(from: 1, through: 500, by: isFull ? 1 : 11))
        print(
            "\(setup): \(report.runs) runs, call met in \(report.met), \(report.acknowledged) appends acknowledged,",
            "\(report.refused) refused, \(report.assertions) assertions, broken \(report.broken.count)")
        #expect(report.broken.isEmpty)
        #expect(report.met == report.runs)
        #expect(report.refused > 0)
    }
}
