import MartletCore
import MartletDefinitions

extension FeatureSlots {
    /// - Throws: `limitExceeded` where the column of a feature would hold more text or elements than one can.
    func checkColumn(
        _ index: Int, _ feature: WindowPlan.Feature, labelCount: Int, inputs: [Column], limit: Int
    ) throws(MartletError) {
        if feature.type.isNested {
            let source = UnsafeBufferPointer(start: lists(index), count: labelCount)
            let elements = source.reduce(0) { $0 + ($1?.rows.count ?? 0) }
            try MartletCore.checkColumn(feature.name, holds: elements, limit: limit)
            guard let column = feature.category ?? feature.column else { return }
            let bytes: Int
            if inputs[column].isText {
                bytes = source.reduce(0) { $0 + inputs[column].textBytes(of: $1?.rows ?? []) }
            } else {
                // The keys of a map are texts, of up to 20 bytes where its categories are numbers.
                bytes = if case .map = feature.type { 20 * elements } else { 0 }
            }
            try MartletCore.checkColumn(feature.name, holds: bytes, limit: limit)
            return
        }
        switch feature.function {
        case .first, .last, .min, .max:
            guard let column = feature.column, inputs[column].isText else { return }
            let rows = UnsafeBufferPointer(start: slots(index), count: labelCount).lazy
                .map { Int32(truncatingIfNeeded: $0) }
            try MartletCore.checkColumn(feature.name, holds: inputs[column].textBytes(of: rows), limit: limit)
        default: return
        }
    }
}

extension Column {
    fileprivate var isText: Bool { type == .string || type == .bytes }
}
