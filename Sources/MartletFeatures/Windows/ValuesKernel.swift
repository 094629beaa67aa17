import MartletCore
import MartletDefinitions

extension KeyWorkspace {
    /// distinct, top_k and histogram of one column for all labels and windows: each value gets a small number within
    /// the entity, and each window counts how often it holds each number.
    ///
    /// O(1) an event and window; a list and an estimate beyond the limit take as many steps a label as the window holds
    /// different values, however many the entity has.
    func computeValues(_ group: StateGroup, _ input: Int, _ hashes: [UInt64], _ slots: FeatureSlots, _ firstSlot: Int) {
        let codeCount = makeCodes(input, isReal: group.isReal)
        if group.needsOrder { sortCodes(codeCount) }
        codeCounts.reserve(codeCount)
        heldCodes.reserve(codeCount)
        codePlaces.reserve(codeCount)
        let codes = codes.base
        for window in Set(group.outputs.map(\.window)) {
            let outputs = group.outputs.filter { $0.window == window }
            var held = HeldCodes(
                codeCount: codeCount, counts: codeCounts.base, codes: heldCodes.base, places: codePlaces.base)
            slide(window, present[input].base) { event in
                held.add(codes[event])
            } remove: { event in
                held.remove(codes[event])
            } lower: { label in
                for output in outputs { lower(held, output, hashes, slots, firstSlot + label) }
            }
        }
    }

    private func lower(
        _ held: HeldCodes, _ output: StateGroup.Output, _ hashes: [UInt64], _ slots: FeatureSlots, _ slot: Int
    ) {
        let isBeyond = held.count > differentValuesMaximum
        switch output.function {
        case .distinct:
            slots.slots(output.feature)[slot] =
                isBeyond ? estimateBeyondLimit(registers(held, hashes)) : Int64(held.count)
        case .topK:
            if isBeyond { return }
            let frequent = mostFrequent(
                held.all.map { ($0, Int64(held.counts[Int($0)])) }, length: output.parameters.length)
            slots.lists(output.feature)[slot] = NestedRows(rows: frequent.map { codeRows.base[Int($0)] })
        case .histogram:
            if isBeyond { return }
            let ascending = held.all.sorted()
            slots.lists(output.feature)[slot] = NestedRows(
                rows: ascending.map { codeRows.base[Int($0)] }, values: ascending.map { Int64(held.counts[Int($0)]) })
        default: preconditionFailure("\(output.function) is not of different values")
        }
    }

    private func registers(_ held: HeldCodes, _ hashes: [UInt64]) -> Registers {
        var registers = Registers()
        for code in held.all { registers.add(hash(codeKeys.base[Int(code)], hashes)) }
        return registers
    }

    /// Quantiles of one column for all labels and windows, by the buckets of the sketch, which have numbers in their
    /// order. O(1) an event and window, O(buckets of the entity / 64) a label.
    func computeQuantiles(_ group: StateGroup, _ input: Int, _ slots: FeatureSlots, _ firstSlot: Int) {
        let codeCount = makeCodes(input, isReal: group.isReal, isBucketed: true)
        sortCodes(codeCount)
        codeCounts.reserve(codeCount)
        blockCounts.reserve(BucketCounts.blockCount(codeCount))
        let codes = codes.base
        for window in Set(group.outputs.map(\.window)) {
            let outputs = group.outputs.filter { $0.window == window }
            var held = BucketCounts(codeCount: codeCount, counts: codeCounts.base, blocks: blockCounts.base)
            slide(window, present[input].base) { event in
                held.adjust(Int(codes[event]), by: 1)
            } remove: { event in
                held.adjust(Int(codes[event]), by: -1)
            } lower: { label in
                for output in outputs {
                    let code = held.code(atQuantile: output.parameters.quantile)
                    let middle = code.map { value(ofBucket: Int32(truncatingIfNeeded: codeKeys.base[$0])) }
                    slots.slots(output.feature)[firstSlot + label] = slot(middle)
                }
            }
        }
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

/// Which values a window holds, and how often each.
private struct HeldCodes {
    let counts: UnsafeMutablePointer<Int32>
    /// Those with a count, in no order, and of each where it stands there.
    private let codes: UnsafeMutablePointer<Int32>
    private let places: UnsafeMutablePointer<Int32>
    private(set) var count = 0

    init(
        codeCount: Int, counts: UnsafeMutablePointer<Int32>, codes: UnsafeMutablePointer<Int32>,
        places: UnsafeMutablePointer<Int32>
    ) {
        counts.update(repeating: 0, count: codeCount)
        self.counts = counts
        self.codes = codes
        self.places = places
    }

    var all: UnsafeBufferPointer<Int32> { UnsafeBufferPointer(start: codes, count: count) }

    @inline(__always)
    mutating func add(_ code: Int32) {
        if counts[Int(code)] == 0 {
            codes[count] = code
            places[Int(code)] = Int32(truncatingIfNeeded: count)
            count &+= 1
        }
        counts[Int(code)] &+= 1
    }

    @inline(__always)
    mutating func remove(_ code: Int32) {
        counts[Int(code)] &-= 1
        if counts[Int(code)] != 0 { return }
        // The last one takes its place.
        count &-= 1
        let place = places[Int(code)]
        codes[Int(place)] = codes[count]
        places[Int(codes[count])] = place
    }
}

/// How often a window holds each bucket, and each run of buckets.
private struct BucketCounts {
    static var blockLength: Int { 64 }
    static func blockCount(_ codeCount: Int) -> Int { (codeCount + blockLength - 1) / blockLength }

    private let counts: UnsafeMutablePointer<Int32>
    private let blocks: UnsafeMutablePointer<Int64>
    private var total: Int64 = 0

    init(codeCount: Int, counts: UnsafeMutablePointer<Int32>, blocks: UnsafeMutablePointer<Int64>) {
        counts.update(repeating: 0, count: codeCount)
        blocks.update(repeating: 0, count: Self.blockCount(codeCount))
        self.counts = counts
        self.blocks = blocks
    }

    @inline(__always)
    mutating func adjust(_ code: Int, by amount: Int32) {
        counts[code] &+= amount
        blocks[code / Self.blockLength] &+= Int64(amount)
        total &+= Int64(amount)
    }

    /// The bucket of the quantile; nil for no values.
    func code(atQuantile quantile: Double) -> Int? {
        if total == 0 { return nil }
        let rank = quantileRank(quantile, count: total)
        var before: Int64 = 0
        var block = 0
        while before &+ blocks[block] <= rank {
            before &+= blocks[block]
            block &+= 1
        }
        var code = block * Self.blockLength
        while before &+ Int64(counts[code]) <= rank {
            before &+= Int64(counts[code])
            code &+= 1
        }
        return code
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
