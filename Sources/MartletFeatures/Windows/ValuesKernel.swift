import MartletCore
import MartletDefinitions

extension KeyWorkspace {
    /// distinct, top_k, histogram and quantiles of one column for all labels and windows: each value (or bucket of the
    /// quantile sketch) gets a small number within the entity, and each window counts how often it holds each number.
    ///
    /// O(1) an event and window; a list, a quantile and an estimate beyond the limit take O(values of the entity) a
    /// label.
    func computeValues(_ group: StateGroup, _ input: Int, _ hashes: [UInt64], _ slots: FeatureSlots, _ firstSlot: Int) {
        let isSketch = group.family == .sketch
        let codeCount = makeCodes(input, isReal: group.isReal, isBucketed: isSketch)
        if isSketch || group.needsOrder { sortCodes(codeCount) }
        codeCounts.reserve(codeCount)
        let counts = codeCounts.base
        let codes = codes.base
        for window in Set(group.outputs.map(\.window)) {
            let outputs = group.outputs.filter { $0.window == window }
            for code in 0..<codeCount { counts[code] = 0 }
            var held = CodeCounts(codeCount: codeCount, counts: counts)
            slide(window, present[input].base) { event in
                let code = Int(codes[event])
                if counts[code] == 0 { held.distinct &+= 1 }
                counts[code] &+= 1
                held.total &+= 1
            } remove: { event in
                let code = Int(codes[event])
                counts[code] &-= 1
                if counts[code] == 0 { held.distinct &-= 1 }
                held.total &-= 1
            } lower: { label in
                for output in outputs { lower(held, output, hashes, slots, firstSlot + label) }
            }
        }
    }

    private func lower(
        _ held: CodeCounts, _ output: StateGroup.Output, _ hashes: [UInt64], _ slots: FeatureSlots, _ slot: Int
    ) {
        let isBeyond = held.distinct > differentValuesMaximum
        switch output.function {
        case .distinct:
            slots.slots(output.feature)[slot] =
                isBeyond ? estimateBeyondLimit(registers(held, hashes)) : Int64(held.distinct)
        case .quantile:
            slots.slots(output.feature)[slot] = MartletFeatures.slot(quantile(held, output.parameters.quantile))
        case .topK:
            if isBeyond { return }
            let frequent = mostFrequent(
                held.present.map { ($0, Int64(held.counts[$0])) }, length: output.parameters.length)
            slots.lists(output.feature)[slot] = NestedRows(rows: frequent.map { codeRows.base[$0] })
        case .histogram:
            if isBeyond { return }
            let present = held.present
            slots.lists(output.feature)[slot] = NestedRows(
                rows: present.map { codeRows.base[$0] }, values: present.map { Int64(held.counts[$0]) })
        default: preconditionFailure("\(output.function) is not of different values")
        }
    }

    private func registers(_ held: CodeCounts, _ hashes: [UInt64]) -> Registers {
        var registers = Registers()
        for code in held.present { registers.add(hash(codeKeys.base[code], hashes)) }
        return registers
    }

    private func quantile(_ held: CodeCounts, _ quantile: Double) -> Double? {
        if held.total == 0 { return nil }
        let rank = quantileRank(quantile, count: held.total)
        var before: Int64 = 0
        for code in 0..<held.codeCount {
            before &+= Int64(held.counts[code])
            if before > rank { return value(ofBucket: Int32(truncatingIfNeeded: codeKeys.base[code])) }
        }
        preconditionFailure("the rank is below the count")
    }

    /// Numbers the entity's values by an open-addressing table that is at most half full.
    func makeCodes(_ input: Int, isReal: Bool, isBucketed: Bool = false) -> Int {
        self.codes.reserve(eventCount)
        codeKeys.reserve(eventCount)
        codeRows.reserve(eventCount)
        let codes = self.codes.base
        var capacity = 16
        while capacity < 2 * eventCount { capacity *= 2 }
        tableKeys.reserve(capacity)
        tableCodes.reserve(capacity)
        let keys = tableKeys.base
        let tableCodes = tableCodes.base
        for place in 0..<capacity { tableCodes[place] = -1 }
        let shift = UInt64(64 - capacity.trailingZeroBitCount)
        let bits = bits[input].base
        let present = present[input].base
        var count: Int32 = 0
        for event in 0..<eventCount where present[event] != 0 {
            let key =
                isBucketed
                ? Int64(bucket(of: isReal ? doubleOfOrderedBits(bits[event]) : Double(bits[event])))
                : isReal && bits[event] == negativeZeroOrderedBits ? 0 : bits[event]
            var place = Int(truncatingIfNeeded: hashedValue(key) &>> shift)
            while tableCodes[place] >= 0 && keys[place] != key { place = (place &+ 1) & (capacity &- 1) }
            if tableCodes[place] < 0 {
                keys[place] = key
                tableCodes[place] = count
                codeKeys.base[Int(count)] = key
                codeRows.base[Int(count)] = rows[event]
                count &+= 1
            }
            codes[event] = tableCodes[place]
        }
        // Nothing reads the code of an absent value, but it must be one.
        for event in 0..<eventCount where present[event] == 0 { codes[event] = 0 }
        return Int(count)
    }

    /// Numbers the values anew, in their order.
    func sortCodes(_ count: Int) {
        let order = (0..<count).sorted { codeKeys.base[$0] < codeKeys.base[$1] }
        let keys = order.map { codeKeys.base[$0] }
        let rows = order.map { codeRows.base[$0] }
        var places = [Int32](repeating: 0, count: max(1, count))
        for (place, code) in order.enumerated() {
            places[code] = Int32(truncatingIfNeeded: place)
            codeKeys.base[place] = keys[place]
            codeRows.base[place] = rows[place]
        }
        for event in 0..<eventCount { codes.base[event] = places[Int(codes.base[event])] }
    }
}

/// How often a window holds each value.
private struct CodeCounts {
    let codeCount: Int
    let counts: UnsafeMutablePointer<Int32>
    /// How many different ones there are.
    var distinct = 0
    var total: Int64 = 0

    /// The codes that occur, ascending.
    var present: [Int] {
        var codes: [Int] = []
        codes.reserveCapacity(distinct)
        for code in 0..<codeCount where counts[code] != 0 { codes.append(code) }
        return codes
    }

    init(codeCount: Int, counts: UnsafeMutablePointer<Int32>) {
        self.codeCount = codeCount
        self.counts = counts
    }
}

/// The hash of a value for sketches.
/// - Parameters:
///   - key: ordered bits, or the number of a text.
///   - hashes: by number of text; empty where values are numbers.
@inline(__always)
func hash(_ key: Int64, _ hashes: [UInt64]) -> UInt64 {
    hashes.isEmpty ? sketchHash(key) : hashes[Int(key)]
}

/// Multiplicative, both halves folded: doubles differ in their upper bits, integers in their lower ones.
@inline(__always)
func hashedValue(_ key: Int64) -> UInt64 {
    let word = UInt64(bitPattern: key)
    let product = (word ^ (word &>> 32)) &* 0x9E37_79B9_7F4A_7C15
    return (product ^ (product &>> 29)) &* 0xBF58_476D_1CE4_E5B9
}
