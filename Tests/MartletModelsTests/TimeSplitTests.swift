import MartletCore
import MartletModels
import Testing

struct TimeSplitTests {
    @Test("the parts follow one another in time, whatever the order of the rows")
    func ordered() throws {
        let split = try TimeSplit(
            times: [50, 10, 40, 20, 30, 60, 90, 70, 100, 80], validationFraction: 0.2, testFraction: 0.3)
        #expect(split.training == [1, 3, 4, 2, 0])
        #expect(split.validation == [5, 7])
        #expect(split.test == [9, 6, 8])
        #expect(split.validationStart == Timestamp(microseconds: 60))
        #expect(split.testStart == Timestamp(microseconds: 80))
    }

    @Test("rows of equal time stay together")
    func ties() throws {
        let split = try TimeSplit(times: [1, 2, 2, 2, 2, 2, 3, 4, 5, 6], validationFraction: 0.25, testFraction: 0.25)
        #expect(split.training == [0])
        #expect(split.validation == [1, 2, 3, 4, 5, 6, 7])
        #expect(split.test == [8, 9])
        let same = try TimeSplit(times: [7, 7, 7, 7])
        #expect(same.training.isEmpty && same.validation.isEmpty && same.test == [0, 1, 2, 3])
    }

    @Test("every row is in exactly one part, and no later part reaches back", arguments: 0..<20 as Range<UInt64>)
    func partition(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let times = (0..<Int(random.next() % 200)).map { _ in Int64(random.next() % 40) }
        let split = try TimeSplit(
            times: times, validationFraction: random.uniform() * 0.4, testFraction: random.uniform() * 0.4)
        let all = split.training + split.validation + split.test
        #expect(all.sorted() == times.indices.map(Int32.init), "seed \(seed)")
        func latest(_ rows: [Int32]) -> Int64 { rows.map { times[Int($0)] }.max() ?? -1 }
        func earliest(_ rows: [Int32]) -> Int64 { rows.map { times[Int($0)] }.min() ?? 1_000 }
        #expect(latest(split.training) < earliest(split.validation + split.test), "seed \(seed)")
        #expect(latest(split.training + split.validation) < earliest(split.test), "seed \(seed)")
    }

    @Test("fractions that leave nothing to train on are refused", arguments: [(0.5, 0.5), (-0.1, 0.2), (0.2, 1.5)])
    func refused(_ fractions: (Double, Double)) {
        #expect(
            code { _ = try TimeSplit(times: [1], validationFraction: fractions.0, testFraction: fractions.1) }
                == .invalidSettings)
    }
}
