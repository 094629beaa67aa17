import MartletDefinitions

extension KeyWorkspace {
    /// The number of different values of one column for all labels and windows, exactly: each value gets a small number
    /// within the entity, and each window counts how often it holds each number.
    func computeDistinct(_ group: StateGroup, _ input: Int, _ slots: FeatureSlots, _ firstSlot: Int) {
        let codeCount = makeCodes(group, input)
        codeCounts.reserve(codeCount)
        let counts = codeCounts.base
        let codes = codes.base
        for output in group.outputs {
            let results = slots.slots(output.feature) + firstSlot
            for code in 0..<codeCount { counts[code] = 0 }
            var distinct: Int64 = 0
            slide(output.window, present[input].base) { event in
                let code = Int(codes[event])
                if counts[code] == 0 { distinct &+= 1 }
                counts[code] &+= 1
            } remove: { event in
                let code = Int(codes[event])
                counts[code] &-= 1
                if counts[code] == 0 { distinct &-= 1 }
            } lower: { label in
                results[label] = distinct
            }
        }
    }

    /// Numbers the entity's values by an open-addressing table that is at most half full.
    private func makeCodes(_ group: StateGroup, _ input: Int) -> Int {
        self.codes.reserve(eventCount)
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
            let key = group.isReal && bits[event] == negativeZeroOrderedBits ? 0 : bits[event]
            var place = Int(truncatingIfNeeded: hashedValue(key) &>> shift)
            while tableCodes[place] >= 0 && keys[place] != key { place = (place &+ 1) & (capacity &- 1) }
            if tableCodes[place] < 0 {
                keys[place] = key
                tableCodes[place] = count
                count &+= 1
            }
            codes[event] = tableCodes[place]
        }
        return Int(count)
    }
}

/// Multiplicative, both halves folded: doubles differ in their upper bits, integers in their lower ones.
@inline(__always)
func hashedValue(_ key: Int64) -> UInt64 {
    let word = UInt64(bitPattern: key)
    let product = (word ^ (word &>> 32)) &* 0x9E37_79B9_7F4A_7C15
    return (product ^ (product &>> 29)) &* 0xBF58_476D_1CE4_E5B9
}
