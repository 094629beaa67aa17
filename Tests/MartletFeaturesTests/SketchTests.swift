import Glibc
import MartletCore
import MartletDefinitions
import Testing

@testable import MartletFeatures

@Suite("Sketches and decay")
struct SketchTests {
    @Test(
        "estimated counts of different values keep within four standard errors",
        arguments: [1, 10, 100, 1_000, 5_000, 20_000, 200_000])
    func cardinality(_ count: Int) {
        for seed in UInt64(1)...5 {
            var random = SeededRandom(seed: seed, stream: UInt64(count))
            var numbers = Registers()
            var texts = Registers()
            for _ in 0..<count {
                let value = Int64.random(in: .min ... .max, using: &random)
                // Twice, which must not matter.
                for _ in 0..<2 { numbers.add(sketchHash(value)) }
                texts.add(Array("merchant \(value)".utf8).withUnsafeBytes { sketchHash($0) })
            }
            let bound = standardErrors(4, of: count) + 0.5
            #expect(isNear(numbers.estimate, count, bound), "seed \(seed): \(numbers.estimate)")
            #expect(isNear(texts.estimate, count, bound), "seed \(seed): \(texts.estimate)")
        }
    }

    @Test("counts in a row, as numbers in a database have them, are estimated as well")
    func sequences() {
        for step in [Int64(1), 1_000, 1 << 32] {
            var state = Registers()
            for value in 0..<Int64(50_000) { state.add(sketchHash(value * step)) }
            let error = abs(Double(state.estimate) - 50_000)
            #expect(error <= standardErrors(4, of: 50_000), "step \(step): \(state.estimate)")
        }
    }

    @Test("no registers and full registers have an estimate")
    func extremeRegisters() {
        #expect(Registers().estimate == 0)
        #expect(Registers(ranks: [UInt8](repeating: 53, count: Registers.count)).estimate > 1 << 60)
        #expect(Registers(ranks: [UInt8](repeating: 0, count: Registers.count)).estimate == 0)
    }

    @Test("quantiles are within 1/129 of the value at their rank", arguments: ValueKind.allCases)
    func quantiles(_ kind: ValueKind) {
        for seed in UInt64(1)...20 {
            var random = SeededRandom(seed: seed, stream: 600 + UInt64(kind.rawValue))
            let values = (0..<Int.random(in: 1...200, using: &random)).map { _ in kind.value(&random) }
            var state = QuantileSketch()
            for value in values { state.add(.real(value)) }
            let sorted = values.sorted()
            for quantile in [0, 0.01, 0.25, 0.5, 0.9, 0.99, 1] {
                let exact = sorted[Int((quantile * Double(values.count - 1)).rounded(.down))]
                guard case .real(let found)? = state.lower(.quantile, LoweringParameters(quantile: quantile)) else {
                    Issue.record("no quantile of \(values.count) values")
                    continue
                }
                let bound = abs(exact) / 129 * (1 + 1e-12) + 0x1p-1028
                let isNear = exact.isInfinite ? found == exact : abs(found - exact) <= bound
                #expect(
                    isNear,
                    "seed \(seed), \(kind), \(quantile): \(found) for \(exact)")
            }
        }
    }

    @Test("buckets ascend with their values, and hold the value that stands for them")
    func buckets() {
        #expect(bucket(of: .infinity) == 131_008 && bucket(of: -.infinity) == -131_009)
        #expect(bucket(of: 0) == 0 && bucket(of: -0.0) == 0)
        #expect(QuantileSketch().lower(.quantile) == nil)
        var before = Double.nan
        for number in MartletFeatures.buckets {
            let middle = value(ofBucket: number)
            // The subnormal numbers next to zero on its negative side are taken for zero.
            if number == -1 {
                #expect(middle == 0)
                continue
            }
            if middle <= before || bucket(of: middle) != number { Issue.record("bucket \(number) has \(middle)") }
            before = middle
        }
    }

    @Test(
        "the factor of decay is a power of a half to the last places",
        arguments: [1_000_000, 86_400_000_000, 777_777_777] as [Int64])
    func decayFactors(_ halfLife: Int64) {
        var random = SeededRandom(seed: 3, stream: UInt64(halfLife))
        var worst = 0.0
        for _ in 0..<20_000 {
            let elapsed = Int64.random(in: -16 * halfLife...900 * halfLife, using: &random)
            // The whole halvings are exact, so that the reference need only know the rest.
            let halvings = (Double(elapsed) / Double(halfLife)).rounded(.down)
            let rest = Double(elapsed - Int64(halvings) * halfLife) / Double(halfLife)
            let exact = scalbn(exp2(-rest), -Int(halvings))
            worst = max(worst, abs(decayFactor(elapsed, halfLife: halfLife) - exact) / exact)
        }
        #expect(worst <= 6 * 0x1p-53, "\(worst / 0x1p-53) units")
        #expect(decayFactor(0, halfLife: halfLife) == 1)
        #expect(abs(decayFactor(halfLife, halfLife: halfLife) - 0.5) <= 0x1p-53)
        #expect(decayFactor(3_000 * halfLife, halfLife: halfLife) == 0)
    }

    @Test("decayed sums and means are near those that weigh every value at the moment of reading")
    func decay() {
        for seed in UInt64(1)...30 {
            var random = SeededRandom(seed: seed, stream: 700)
            let halfLives: [Int64] = [5_000_000, 7_200_000_000, 604_800_000_000]
            let halfLife = halfLives[Int.random(in: 0..<3, using: &random)]
            let now = Int64.random(in: 0...1 << 50, using: &random)
            var state = DecayedSums()
            var (sum, magnitude, total) = (0.0, 0.0, 0.0)
            for _ in 0..<Int.random(in: 1...200, using: &random) {
                let age = Int64.random(in: 1...40 * halfLife, using: &random)
                let value = ValueKind.cents.value(&random)
                state.add(DecayedSums.Input(time: now - age, number: .real(value), halfLife: halfLife))
                let weight: Double = exp2(-Double(age) / Double(halfLife))
                sum += value * weight
                magnitude += abs(value) * weight
                total += weight
            }
            let parameters = LoweringParameters(halfLife: halfLife, time: now)
            guard case .real(let found)? = state.lower(.decayedSum, parameters),
                case .real(let mean)? = state.lower(.decayedMean, parameters)
            else {
                Issue.record("nothing for seed \(seed)")
                continue
            }
            // The reference itself has an error of its own.
            let bound: Double = 1e-12 * magnitude
            #expect(abs(found - sum) <= bound, "seed \(seed)")
            let meanBound: Double = bound / total
            let reference: Double = sum / total
            #expect(abs(mean - reference) <= meanBound, "seed \(seed)")
        }
    }

    @Test("two stacks give the state of every window, also where events come late", arguments: UInt64(1)...60)
    func twoStacks(_ seed: UInt64) {
        var random = SeededRandom(seed: seed, stream: 800)
        let count = seed % 10 == 0 ? 2_000 : 60
        let inputs = (0..<count).map { _ in
            Sessions.Input(time: Int64.random(in: 0..<1_000, using: &random), gap: 3)
        }
        let isPresent = (0..<count).map { _ in Int.random(in: 0..<5, using: &random) > 0 }
        var isSeen = [Bool](repeating: false, count: count)
        var stacks = TwoStacksLite<Sessions>()
        var (start, end) = (0, 0)
        while end < count || start < count {
            end = min(count, end + Int.random(in: 0..<8, using: &random))
            start = min(end, start + Int.random(in: 0..<8, using: &random))
            for event in start..<end where !isSeen[event] && Int.random(in: 0..<4, using: &random) > 0 {
                isSeen[event] = true
                if isPresent[event] { stacks.insert(event, inputs[event]) }
            }
            var expected = Sessions()
            for event in start..<end where isSeen[event] && isPresent[event] { expected.add(inputs[event]) }
            let found = stacks.state(from: start, to: end) { isPresent[$0] && isSeen[$0] ? inputs[$0] : nil }
            #expect(found == expected, "seed \(seed), \(start)..<\(end)")
        }
    }
}

/// How far an estimate may be off that is so many standard errors away.
func standardErrors(_ number: Double, of count: Int) -> Double {
    let relative: Double = 1.04 / 64
    return number * relative * Double(count)
}

func isNear(_ estimate: Int64, _ count: Int, _ bound: Double) -> Bool { abs(Double(estimate) - Double(count)) <= bound }
