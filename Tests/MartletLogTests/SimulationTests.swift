import MartletCore
import MartletLog
import Testing

@Suite("The log under a simulated disk")
struct SimulationTests {
    @Test("no promise is broken by torn, lost and reordered writes, failing calls and deaths", arguments: 0..<20)
    func seeds(group: Int) {
        var settings = Simulation.Settings()
        settings.steps = 40
        for seed in UInt64(group * 10)..<UInt64(group * 10 + 10) {
            let report = Simulation.run(seed: seed, settings: settings)
            #expect(report.broken == nil, "seed \(seed)")
            #expect(report.steps == 40 && report.acknowledged > 5 && report.checks > 0, "seed \(seed)")
        }
    }

    @Test("the same seed gives the same run, another seed another one")
    func determinism() {
        let first = Simulation.run(seed: 4_711)
        #expect(Simulation.run(seed: 4_711) == first)
        #expect(Simulation.run(seed: 4_712).traceHash != first.traceHash)
        #expect(first.powerCuts > 0 && first.faults > 0 && first.kills > 0)
    }
}
