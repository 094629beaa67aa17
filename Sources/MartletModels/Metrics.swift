internal import Glibc

/// Scores of rows in falling order, rows of equal score together: what every ranking metric walks over.
private struct ScoreGroups {
    /// For each distinct score from the highest: how many rows and how many positives have it.
    let groups: [(rows: Int, positives: Int)]

    init(_ scores: [Float], _ labels: [Float]) {
        precondition(scores.count == labels.count, "one label a score")
        // One key for both: the score's bits, turned so that they rise as the score falls, then the label.
        var keys = scores.indices.map { index in
            UInt64(fallingBits(scores[index])) << 1 | (labels[index] == 1 ? 1 : 0)
        }
        radixSort(&keys)
        var groups: [(rows: Int, positives: Int)] = []
        var last = UInt64.max
        var current = (rows: 0, positives: 0)
        for key in keys {
            if key >> 1 != last {
                if current.rows > 0 { groups.append(current) }
                current = (0, 0)
                last = key >> 1
            }
            current.rows += 1
            current.positives += Int(key & 1)
        }
        if current.rows > 0 { groups.append(current) }
        self.groups = groups
    }
}

/// Bits that compare as unsigned numbers in the opposite order of the floats; both zeros are one.
private func fallingBits(_ value: Float) -> UInt32 {
    let bits = (value + 0).bitPattern
    return bits >> 31 == 0 ? ~(bits | 0x8000_0000) : bits
}

/// Ascending, by the lowest 33 bits: three passes of eleven. A validation set is ranked after every round of
/// training, where a sort by comparison takes as long as the round.
private func radixSort(_ keys: inout [UInt64]) {
    var other = [UInt64](repeating: 0, count: keys.count)
    for shift in [0, 11, 22] as [UInt64] {
        var starts = [Int](repeating: 0, count: 2_049)
        for key in keys { starts[Int(key >> shift & 2_047) + 1] += 1 }
        for digit in 1..<2_049 { starts[digit] += starts[digit - 1] }
        for key in keys {
            let digit = Int(key >> shift & 2_047)
            other[starts[digit]] = key
            starts[digit] += 1
        }
        swap(&keys, &other)
    }
}

/// The area under the precision-recall curve as the average precision: the sum over falling thresholds of the
/// precision times the gain in recall. Rows of equal score share one threshold, so their order does not matter. O(n
/// log n).
///
/// - Parameters: scores without NaN; labels 0 or 1.
/// - Returns: NaN without positives; the base rate where all scores are equal.
package func averagePrecision(scores: [Float], labels: [Float]) -> Double {
    var seen = 0
    var found = 0
    var sum = 0.0
    for group in ScoreGroups(scores, labels).groups {
        seen += group.rows
        found += group.positives
        sum += Double(group.positives) * Double(found) / Double(seen)
    }
    return found == 0 ? .nan : sum / Double(found)
}

/// The area under the receiver operating characteristic: the chance that a positive scores above a negative, equal
/// scores counting one half (Mann-Whitney). O(n log n).
/// - Returns: NaN without rows of both classes.
package func areaUnderROC(scores: [Float], labels: [Float]) -> Double {
    var positivesAbove = 0
    var negatives = 0
    var wins = 0.0
    for group in ScoreGroups(scores, labels).groups {
        let own = group.rows - group.positives
        wins += Double(own) * (Double(positivesAbove) + Double(group.positives) / 2)
        positivesAbove += group.positives
        negatives += own
    }
    guard positivesAbove > 0, negatives > 0 else { return .nan }
    return wins / (Double(positivesAbove) * Double(negatives))
}

/// The fraction of positives among the `k` rows of highest score. Where the k-th row is one of several of equal
/// score, each of them counts with the chance that it is chosen, so that the order of the rows does not matter.
/// - Returns: NaN without rows or for `k` below 1; `k` above the number of rows means all of them.
package func precision(at k: Int, scores: [Float], labels: [Float]) -> Double {
    let wanted = min(k, scores.count)
    guard wanted > 0 else { return .nan }
    var left = wanted
    var found = 0.0
    for group in ScoreGroups(scores, labels).groups {
        let taken = min(left, group.rows)
        found += Double(group.positives) * Double(taken) / Double(group.rows)
        left -= taken
        if left == 0 { break }
    }
    return found / Double(wanted)
}

/// The mean of `-ln p(label)`, probabilities kept `1e-15` away from 0 and 1.
/// - Returns: NaN without rows.
package func logLoss(probabilities: [Float], labels: [Float]) -> Double {
    precondition(probabilities.count == labels.count, "one label a probability")
    guard !labels.isEmpty else { return .nan }
    var sum = 0.0
    for (probability, label) in zip(probabilities, labels) {
        let bounded = min(max(Double(probability), 1e-15), 1 - 1e-15)
        sum -= label == 1 ? log(bounded) : log1p(-bounded)
    }
    return sum / Double(labels.count)
}

/// The fraction of positives: what a model that knows nothing reaches as AUC-PR.
/// - Returns: NaN without rows.
package func baseRate(_ labels: [Float]) -> Double {
    guard !labels.isEmpty else { return .nan }
    return Double(labels.count { $0 == 1 }) / Double(labels.count)
}
