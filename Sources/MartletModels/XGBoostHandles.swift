internal import CXGBoost
import MartletCore

/// - Throws: `code` with XGBoost's own first line where the call failed.
func checked(_ doing: String, _ status: Int32, as code: MartletError.Code = .internalFault) throws {
    guard status != 0 else { return }
    // The text is thread-local and lives until the next call. It names files and parameters, never a value of a
    // feature; its later lines are a stack trace.
    let text = XGBGetLastError().map { String(cString: $0) } ?? "no reason given"
    let line = text.split(separator: "\n").first.map(String.init) ?? text
    // A leading "[00:00:00] path:line: " is the library's own place.
    let reason = line.split(separator: " ", maxSplits: 1).last.map(String.init) ?? line
    throw MartletError(code, "XGBoost could not \(doing): \(reason)")
}

/// A matrix of XGBoost's, with its labels.
final class DataMatrix {
    fileprivate let handle: DMatrixHandle
    let rowCount: Int

    /// Copies the values into XGBoost's own layout.
    init(_ matrix: FeatureMatrix, labels: [Float]?, threads: Int) throws {
        precondition(labels == nil || labels?.count == matrix.rowCount, "one label a row")
        var created: DMatrixHandle?
        let columns = matrix.encodings.count
        try matrix.values.withUnsafeBufferPointer { values in
            // An address in JSON is how this call takes an array; the buffer outlives the call.
            let address = UInt(bitPattern: values.baseAddress)
            let array =
                #"{"data":[\#(address),true],"shape":[\#(matrix.rowCount),\#(columns)],"typestr":"<f4","version":3}"#
            let settings = #"{"missing":NaN,"nthread":\#(threads)}"#
            try checked("take the features", XGDMatrixCreateFromDense(array, settings, &created))
        }
        guard let created else { throw MartletError(.internalFault, "XGBoost gave no matrix") }
        handle = created
        rowCount = matrix.rowCount
        if let labels {
            try checked("take the labels", XGDMatrixSetFloatInfo(handle, "label", labels, UInt64(labels.count)))
        }
    }

    deinit { XGDMatrixFree(handle) }
}

/// A model of XGBoost's. Not safe for calls at the same time: whoever holds one guards it.
final class Booster {
    private let handle: BoosterHandle

    /// - Parameter matrices: whose predictions are kept up to date while the model grows.
    init(caching matrices: [DataMatrix] = []) throws {
        var created: BoosterHandle?
        let handles: [DMatrixHandle?] = matrices.map(\.handle)
        try checked("start a model", XGBoosterCreate(handles, UInt64(handles.count), &created))
        guard let created else { throw MartletError(.internalFault, "XGBoost gave no model") }
        handle = created
    }

    private init(owning handle: BoosterHandle) { self.handle = handle }

    deinit { XGBoosterFree(handle) }

    func set(_ name: String, _ value: String) throws {
        try checked("take the parameter \(name)", XGBoosterSetParam(handle, name, value), as: .invalidSettings)
    }

    func update(round: Int, _ matrix: DataMatrix) throws {
        try checked("grow a tree", XGBoosterUpdateOneIter(handle, Int32(round), matrix.handle))
    }

    /// One probability a row.
    func predict(_ matrix: DataMatrix) throws -> [Float] {
        if matrix.rowCount == 0 { return [] }
        let settings = #"{"type":0,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":false}"#
        var shape: UnsafePointer<bst_ulong>?
        var dimensions: bst_ulong = 0
        var result: UnsafePointer<Float>?
        try checked(
            "predict", XGBoosterPredictFromDMatrix(handle, matrix.handle, settings, &shape, &dimensions, &result))
        guard let result, let shape, dimensions == 1, shape[0] == matrix.rowCount else {
            throw MartletError(.internalFault, "XGBoost gave predictions of another shape than the rows")
        }
        // The buffer belongs to the model and changes with its next call.
        return Array(UnsafeBufferPointer(start: result, count: matrix.rowCount))
    }

    /// The model with its first rounds only.
    func first(rounds: Int) throws -> Booster {
        var sliced: BoosterHandle?
        try checked("cut the model", XGBoosterSlice(handle, 0, Int32(rounds), 1, &sliced))
        guard let sliced else { throw MartletError(.internalFault, "XGBoost gave no model") }
        return Booster(owning: sliced)
    }

    func rounds() throws -> Int {
        var count: Int32 = 0
        try checked("count its rounds", XGBoosterBoostedRounds(handle, &count))
        return Int(count)
    }

    func setAttribute(_ name: String, _ value: String) throws {
        try checked("keep the attribute \(name)", XGBoosterSetAttr(handle, name, value))
    }

    func attribute(_ name: String) throws -> String? {
        var value: UnsafePointer<CChar>?
        var found: Int32 = 0
        try checked("read the attribute \(name)", XGBoosterGetAttr(handle, name, &value, &found))
        return found == 0 ? nil : value.map { String(cString: $0) }
    }

    /// Scores by the index of the feature; a feature that no tree uses has none.
    func scores(_ kind: String) throws -> [Int: Double] {
        var nameCount: bst_ulong = 0
        var names: UnsafeMutablePointer<UnsafePointer<CChar>?>?
        var dimensions: bst_ulong = 0
        var shape: UnsafePointer<bst_ulong>?
        var values: UnsafePointer<Float>?
        try checked(
            "score the features",
            XGBoosterFeatureScore(
                handle, #"{"importance_type":"\#(kind)"}"#, &nameCount, &names, &dimensions, &shape, &values))
        guard let names, let values else { return [:] }
        var scores: [Int: Double] = [:]
        // Without names of their own, XGBoost calls the features f0, f1, …
        for index in 0..<Int(nameCount) {
            guard let name = names[index], let feature = Int(String(cString: name).dropFirst()) else { continue }
            scores[feature] = Double(values[index])
        }
        return scores
    }

    func json() throws -> [UInt8] {
        var count: bst_ulong = 0
        var bytes: UnsafePointer<CChar>?
        try checked("write the model", XGBoosterSaveModelToBuffer(handle, #"{"format":"json"}"#, &count, &bytes))
        return Array(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
    }

    func load(json bytes: [UInt8]) throws {
        try checked(
            "read the model", XGBoosterLoadModelFromBuffer(handle, bytes, UInt64(bytes.count)), as: .corruptData)
    }
}

/// The version of the library that is loaded, such as `1.7.4`.
package var xgboostVersion: String {
    var major: Int32 = 0
    var minor: Int32 = 0
    var patch: Int32 = 0
    XGBoostVersion(&major, &minor, &patch)
    return "\(major).\(minor).\(patch)"
}
