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
        let feature = features[column]
        if feature.type.isNested { return nestedColumn(bits, feature, validity) }
        let values = Column(typedValues(bits, feature), validity: validity)
        return feature.elapsed(since: values, at: times)
    }

    private func nestedColumn(_ slots: [Int64], _ feature: WindowPlan.Feature, _ validity: Bitmap?) -> Column {
        var offsets: [Int32] = [0]
        var entries: [Element] = []
        for (row, slot) in slots.enumerated() {
            if validity?[row] ?? true {
                let start = Int(slot >> 32)
                entries += elements[start..<start + Int(slot & 0xFFFF_FFFF)]
            }
            offsets.append(Int32(entries.count))
        }
        let elements = entries.map(\.bits)
        switch feature.type {
        case .list(let element):
            return Column(
                .list(ListValues(offsets: offsets, elements: Column(typedValues(elements, element.type)))),
                validity: validity)
        case .map(let element):
            let values = entries.map(\.value)
            return mapColumn(
                offsets: offsets, categories: Column(typedValues(elements, feature.categoryType)),
                values: Column(
                    element == .int64
                        ? .int64(values) : .float64(values.map { Double(bitPattern: UInt64(bitPattern: $0)) })),
                validity: validity)
        default: preconditionFailure("\(feature.type) is not nested")
        }
    }

    private func typedValues(_ bits: [Int64], _ feature: WindowPlan.Feature) -> Column.Values {
        switch feature.function {
        case .min, .max, .first, .last: typedValues(bits, feature.type)
        case .daysSince, .timeSinceLast: .timestamp(bits)
        default:
            feature.type == .int64
                ? .int64(bits) : .float64(bits.map { Double(bitPattern: UInt64(bitPattern: $0)) })
        }
    }

    private func typedValues(_ bits: [Int64], _ type: DataType) -> Column.Values {
        switch type {
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
            return type == .string ? .string(strings) : .bytes(strings)
        case .list, .map: preconditionFailure("elements are neither lists nor maps")
        }
    }
}
