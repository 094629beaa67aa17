package import MartletCore

/// Rows divided by time: all training rows come before all validation rows, those before all test rows. Rows of equal
/// time are never divided, so a part may be a little larger or smaller than asked.
package struct TimeSplit: Sendable, Hashable {
    /// Row numbers in the order of time; equal times in the order of the rows.
    package let training: [Int32]
    package let validation: [Int32]
    package let test: [Int32]
    /// The time of the first validation and of the first test row; nil where there is none.
    package let validationStart: Timestamp?
    package let testStart: Timestamp?

    /// - Parameters:
    ///   - times: microseconds since the epoch, one a row.
    ///   - validationFraction: the fraction of rows that come before the test rows.
    ///   - testFraction: the fraction of rows that come last.
    /// - Throws: `invalidSettings` for fractions that leave nothing to train on.
    package init(times: [Int64], validationFraction: Double = 0.15, testFraction: Double = 0.15) throws {
        guard validationFraction >= 0, testFraction >= 0, validationFraction + testFraction < 1 else {
            throw MartletError(
                .invalidSettings, "a split into \(validationFraction) for validation and \(testFraction) for test",
                fix: "Give two fractions whose sum is below 1.")
        }
        let order = times.indices.sorted { (times[$0], $0) < (times[$1], $1) }.map(Int32.init)
        func bound(_ fraction: Double) -> Int {
            var bound = Int((Double(order.count) * fraction).rounded())
            // Back to the first row of its time.
            while bound > 0, bound < order.count, times[Int(order[bound - 1])] == times[Int(order[bound])] {
                bound -= 1
            }
            return bound
        }
        let first = bound(1 - validationFraction - testFraction)
        let second = max(first, bound(1 - testFraction))
        training = Array(order[..<first])
        validation = Array(order[first..<second])
        test = Array(order[second...])
        validationStart = validation.first.map { Timestamp(microseconds: times[Int($0)]) }
        testStart = test.first.map { Timestamp(microseconds: times[Int($0)]) }
    }
}
