import MartletCore
import MartletDefinitions

extension TileAssembly {
    /// The results of one feature.
    func column(_ column: Int) -> Column {
        let width = features.count
        let bits = [Int64](unsafeUninitializedCapacity: count) { bits, initialized in
            for row in 0..<count { bits[row] = slots[row * width + column] }
            initialized = count
        }
        var words = [UInt64](repeating: 0, count: (count + 63) >> 6)
        var presentCount = 0
        for row in 0..<count where presence[row * width + column] != 0 {
            words[row >> 6] |= 1 &<< UInt64(row & 63)
            presentCount += 1
        }
        let validity = presentCount == count ? nil : Bitmap(words: words, count: count)
        let values = Column(typedValues(bits, features[column], validity), validity: validity)
        guard features[column].function == .daysSince else { return values }
        return daysSince(values, at: times.map { features[column].window.moment(at: $0) })
    }

    private func typedValues(_ bits: [Int64], _ feature: WindowPlan.Feature, _ validity: Bitmap?) -> Column.Values {
        switch feature.function {
        case .count, .distinct: return .int64(bits)
        case .sum, .mean, .stddev: return .float64(bits.map { Double(bitPattern: UInt64(bitPattern: $0)) })
        case .daysSince: return .timestamp(bits)
        case .min, .max, .first, .last: break
        }
        switch feature.type {
        case .bool: return .bool(bits.map { $0 != 0 })
        case .int32: return .int32(bits.map { Int32(truncatingIfNeeded: $0) })
        case .int64: return .int64(bits)
        case .timestamp: return .timestamp(bits)
        case .float64: return .float64(bits.map(doubleOfOrderedBits))
        case .float32: return .float32(bits.map { Float(doubleOfOrderedBits($0)) })
        case .string, .bytes:
            var strings = ByteStrings()
            for slot in bits {
                let start = Int(slot >> 32)
                strings.append(contentsOf: texts[start..<start + Int(slot & 0xFFFF_FFFF)])
            }
            return feature.type == .string ? .string(strings) : .bytes(strings)
        case .list, .map: preconditionFailure("an aggregate of one value is no list and no map")
        }
    }
}
