import MartletCore
package import MartletDefinitions

/// Sums of numbers that count less the older they are: the state of `decayed_sum` and `decayed_mean`.
///
/// Forward decay (Cormode, Shkapenyuk, Srivastava, Xu, "Forward decay: a practical time decay model for streaming
/// systems", ICDE 2009): a value is weighted against a landmark, not against the moment of reading, so that a sum need
/// not change as time goes on. Time has a landmark every `decayStep(halfLife)`; an event belongs to the next one after
/// it, `L`. The terms `value * 2^-((L - eventTime) / halfLife)`, rounded to a double each, are summed exactly for each
/// landmark; at time `t` the sum of a landmark is rounded, multiplied by `2^-((t - L) / halfLife)` and rounded, and
/// these are summed exactly and rounded once. The landmarks depend on nothing but the half-life: a window gives the
/// same bits from its events, from tiles of any hop and in any order, and it has an inverse.
///
/// The result is within `16 * 2^-53` times the decayed sum of the magnitudes, and what is older than 1,000 half-lives
/// may count for nothing. The mean divides by the decayed number of values, is taken against the newest landmark of the
/// window, so that it does not fade as time passes, and is null without values. An infinity makes both infinite (NaN
/// where both signs occur).
package struct DecayedSums: InvertibleAccumulator {
    package struct Input: Sendable {
        /// Microseconds since the epoch.
        package var time: Int64
        package var number: Number
        /// Microseconds.
        package var halfLife: Int64

        package init(time: Int64, number: Number, halfLife: Int64) {
            self.time = time
            self.number = number
            self.halfLife = halfLife
        }
    }

    /// The values between two landmarks.
    package struct Part: Sendable, Equatable {
        /// The later one.
        var landmark: Int64
        var terms: Moments
        /// The weights alone.
        var weights: Moments
    }

    /// Ascending, none without values.
    package var parts: [Part] = []

    package init() {}

    package static var zero: DecayedSums { DecayedSums() }

    package static func lift(_ input: Input) -> DecayedSums {
        var state = DecayedSums()
        state.add(input)
        return state
    }

    package mutating func add(_ input: Input) {
        let (landmark, term, weight) = weighted(input)
        var index = parts.count
        while index > 0 && parts[index - 1].landmark > landmark { index -= 1 }
        if index == 0 || parts[index - 1].landmark < landmark {
            parts.insert(Part(landmark: landmark, terms: .zero, weights: .zero), at: index)
            index += 1
        }
        parts[index - 1].terms.add(.real(term))
        parts[index - 1].weights.add(.real(weight))
    }

    package mutating func remove(_ input: Input) {
        let (landmark, term, weight) = weighted(input)
        guard let index = parts.firstIndex(where: { $0.landmark == landmark }) else { return }
        parts[index].terms.remove(.real(term))
        parts[index].weights.remove(.real(weight))
        if parts[index].terms.count == 0 { parts.remove(at: index) }
    }

    package mutating func combine(_ other: DecayedSums) { merge(other) { $0.combine($1) } }

    package mutating func subtract(_ other: DecayedSums) { merge(other) { $0.subtract($1) } }

    private mutating func merge(_ other: DecayedSums, _ change: (inout Moments, Moments) -> Void) {
        var index = 0
        for part in other.parts {
            while index < parts.count && parts[index].landmark < part.landmark { index += 1 }
            if index == parts.count || parts[index].landmark != part.landmark {
                parts.insert(Part(landmark: part.landmark, terms: .zero, weights: .zero), at: index)
            }
            change(&parts[index].terms, part.terms)
            change(&parts[index].weights, part.weights)
        }
        parts.removeAll { $0.terms.count == 0 }
    }

    /// 76 bytes a landmark, and 300 where some terms are not narrow.
    package static var traits: StateTraits { StateTraits(maximumByteCount: nil, isOrderSensitive: true) }

    package func lower(_ function: AggregateFunction, _ parameters: LoweringParameters) -> Lowered<Int64>? {
        if function == .decayedSum {
            return .real(sum(\.terms, at: parameters.time, halfLife: parameters.halfLife))
        }
        guard let newest = parts.last?.landmark else { return nil }
        let weight = sum(\.weights, at: newest, halfLife: parameters.halfLife)
        return .real(sum(\.terms, at: newest, halfLife: parameters.halfLife) / weight)
    }

    private func sum(_ moments: KeyPath<Part, Moments>, at time: Int64, halfLife: Int64) -> Double {
        var total = Moments()
        for part in parts {
            guard let sum = part[keyPath: moments].lower(.sum) else { continue }
            if sum.isNaN { return .nan }
            // An infinity never fades.
            total.add(.real(sum.isInfinite ? sum : sum * decayFactor(time &- part.landmark, halfLife: halfLife)))
        }
        return total.lower(.sum) ?? 0
    }
}

private func weighted(_ input: DecayedSums.Input) -> (landmark: Int64, term: Double, weight: Double) {
    let step = decayStep(halfLife: input.halfLife)
    let landmark = flooredToMultiple(input.time, of: step) + step
    let weight = decayFactor(landmark - input.time, halfLife: input.halfLife)
    let value: Double =
        switch input.number {
        case .integer(let value): Double(value)
        case .real(let value): value
        }
    return (landmark, value * weight, weight)
}

/// How far landmarks are apart, microseconds: the longest of a day, an hour, five minutes, a minute and a second that
/// is at most 16 half-lives, so that a weight is at least 2^-16.
func decayStep(halfLife: Int64) -> Int64 {
    let steps: [Int64] = [86_400_000_000, 3_600_000_000, 300_000_000, 60_000_000]
    return steps.first { $0 / 16 <= halfLife } ?? 1_000_000
}

/// `2^-(elapsed / halfLife)`, within a relative `5 * 2^-53`, by nothing but additions and multiplications: the same on
/// every machine.
/// - Parameter elapsed: microseconds; may be negative.
func decayFactor(_ elapsed: Int64, halfLife: Int64) -> Double {
    let halvings = flooredToMultiple(elapsed, of: halfLife) / halfLife
    let rest = elapsed &- halvings &* halfLife
    // Between -1 and 0, and e to the half of it as a series, squared: no term is large.
    let exponent = -0.5 * 0.69314718055994530942 * (Double(rest) / Double(halfLife))
    var series = 1.0
    for term in stride(from: 15.0, through: 1, by: -1) { series = 1 + exponent * series / term }
    if halvings > 2_200 { return 0 }
    return ScaledDouble(significand: series * series, exponent: -Int(halvings)).value
}
