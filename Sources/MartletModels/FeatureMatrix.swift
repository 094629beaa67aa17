package import MartletCore

/// Features as numbers, row by row, beside how they became numbers. At most `maximumCells` cells.
package struct FeatureMatrix: Sendable {
    /// 8 GiB of single precision.
    package static let maximumCells = 2_147_483_648

    package let encodings: [FeatureEncoding]
    package let rowCount: Int
    /// Row-major, `rowCount x encodings.count`; NaN is missing.
    let values: [Float]

    /// - Parameters:
    ///   - batch: holds a column for each encoding, found by name.
    ///   - rows: which rows of the batch, in which order.
    /// - Throws: `missingColumn`, `typeMismatch`, `limitExceeded`.
    package init(_ batch: RecordBatch, rows: [Int32], encodings: [FeatureEncoding]) throws {
        let cells = rows.count.multipliedReportingOverflow(by: encodings.count)
        guard !cells.overflow, cells.partialValue <= Self.maximumCells else {
            throw MartletError(
                .limitExceeded, "\(rows.count) rows of \(encodings.count) features are too many for one matrix",
                fix: "Train on fewer rows or features; the limit is \(Self.maximumCells) values.")
        }
        var values = [Float](repeating: .nan, count: cells.partialValue)
        for (index, encoding) in encodings.enumerated() {
            let column = try batch.required(encoding.name, role: "feature")
            try encoding.encode(column, rows: rows, into: &values, offset: index, stride: encodings.count)
        }
        self.encodings = encodings
        self.values = values
        rowCount = rows.count
    }
}

extension RecordBatch {
    /// - Throws: `missingColumn` with the nearest name.
    func required(_ name: String, role: String) throws -> Column {
        if let column = self[name] { return column }
        let nearest = nearestName(to: name, among: schema.names)
        throw MartletError(
            .missingColumn, "the training set has no \(role) column \(name)", fix: nearest.map { "Did you mean \($0)?" }
        )
    }
}

/// The labels of rows as 0 and 1.
package enum BinaryLabels {
    /// - Throws: `missingColumn`; `typeMismatch` for text, bytes and times; `invalidInput` for a null or a number
    ///   that is neither 0 nor 1.
    package static func read(_ batch: RecordBatch, column name: String) throws -> [Float] {
        let column = try batch.required(name, role: "label")
        guard column.nullCount == 0 else {
            throw MartletError(
                .invalidInput, "the label column \(name) has \(column.nullCount) empty values",
                fix: "Leave rows without a known outcome out of the training set.")
        }
        let labels: [Float]
        switch column.values {
        case .bool(let array): return array.map { $0 ? 1 : 0 }
        case .int32(let array): labels = array.map(Float.init)
        case .int64(let array): labels = array.map { $0 == 0 ? 0 : $0 == 1 ? 1 : .nan }
        case .float32(let array): labels = array
        case .float64(let array): labels = array.map { $0 == 0 ? 0 : $0 == 1 ? 1 : .nan }
        case .string, .bytes, .timestamp, .list, .map:
            throw MartletError(
                .typeMismatch, "the label column \(name) is \(column.type.rawValue), not a yes or no",
                fix: "Use a bool, or a number that is 0 or 1.")
        }
        guard labels.allSatisfy({ $0 == 0 || $0 == 1 }) else {
            throw MartletError(
                .invalidInput, "the label column \(name) holds numbers other than 0 and 1",
                fix: "Use a bool, or a number that is 0 or 1.")
        }
        return labels
    }
}
