package import MartletCore

/// How the values of one feature become numbers.
///
/// Numbers and booleans are themselves, timestamps are seconds since the epoch, a null is missing. A text is its rank
/// among the distinct texts of the training rows in the order of their bytes; one that was not among them is missing.
package struct FeatureEncoding: Sendable, Hashable {
    package let name: String
    package let type: DataType
    /// In the order of their bytes; nil for features that are not text.
    package let categories: [String]?

    /// Distinct texts of one feature; beyond them a text is a key, not a feature.
    package static let maximumCategories = 10_000

    package init(name: String, type: DataType, categories: [String]? = nil) {
        self.name = name
        self.type = type
        self.categories = categories
    }

    /// Learns the categories of the named rows.
    /// - Throws: `typeMismatch` for bytes, `limitExceeded` for too many distinct texts.
    package init(name: String, column: Column, rows: [Int32]) throws {
        switch column.values {
        case .bytes, .list, .map:
            throw MartletError(
                .typeMismatch, "the feature \(name) is \(column.type), which a model cannot learn from",
                fix: "Leave it out of the service, or turn it into numbers or text.")
        case .string(let strings):
            var distinct: Set<String> = []
            for row in rows where !column.isNull(Int(row)) {
                distinct.insert(strings[Int(row)])
                if distinct.count > Self.maximumCategories {
                    throw MartletError(
                        .limitExceeded, "the feature \(name) has more than \(Self.maximumCategories) distinct texts",
                        fix: "Leave it out of the service, or group its values.")
                }
            }
            // By bytes, which no locale changes.
            let sorted = distinct.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            self.init(name: name, type: .string, categories: sorted)
        default:
            self.init(name: name, type: column.type)
        }
    }

    /// Writes the rows' values at `offset`, `offset + stride`, … of a matrix; NaN is missing.
    /// - Throws: `typeMismatch` where the column is not of the type the model was trained on.
    func encode(_ column: Column, rows: [Int32], into matrix: inout [Float], offset: Int, stride: Int) throws {
        guard column.type == type else {
            throw MartletError(
                .typeMismatch,
                "the feature \(name) is \(column.type.rawValue) here and was \(type.rawValue) in training",
                fix: "Score with the definitions that the model was trained on, or train again.")
        }
        func fill(_ value: (Int) -> Float) {
            for (index, row) in rows.enumerated() {
                matrix[offset + index * stride] = column.isNull(Int(row)) ? .nan : value(Int(row))
            }
        }
        switch column.values {
        case .bool(let array): fill { array[$0] ? 1 : 0 }
        case .int32(let array): fill { Float(array[$0]) }
        case .int64(let array): fill { Float(array[$0]) }
        case .float32(let array): fill { finite(array[$0]) }
        case .float64(let array): fill { finite(Float(array[$0])) }
        case .timestamp(let array): fill { Float(Double(array[$0]) / 1_000_000) }
        case .string(let strings):
            var ranks: [String: Float] = [:]
            for (rank, category) in (categories ?? []).enumerated() { ranks[category] = Float(rank) }
            fill { ranks[strings[$0]] ?? .nan }
        case .bytes, .list, .map: fill { _ in .nan }
        }
    }
}

/// Infinities are beyond every split; XGBoost refuses them, so the greatest numbers stand for them.
private func finite(_ value: Float) -> Float {
    value.isInfinite ? (value < 0 ? -Float.greatestFiniteMagnitude : .greatestFiniteMagnitude) : value
}

extension FeatureEncoding {
    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("name", name)
            json.member("type", type.rawValue)
            if let categories { json.member("categories", categories) }
        }
    }

    /// - Returns: nil where the value is no encoding.
    init?(_ value: JSONValue) {
        guard let name = value["name"]?.string, let type = value["type"]?.string.flatMap(DataType.init(rawValue:))
        else {
            return nil
        }
        self.init(name: name, type: type, categories: value["categories"]?.array?.compactMap(\.string))
    }
}
