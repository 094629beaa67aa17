internal import MartletCore

/// Why a value does not fit a type.
struct Misfit: Error {
    let message: String
    let fix: String?
}

/// A value of YAML as a value of a column's type.
func typedValue(_ scalar: YAMLScalar, as type: DataType) -> Result<Value, Misfit> {
    func misfit(_ what: String, fix: String? = nil) -> Result<Value, Misfit> {
        .failure(Misfit(message: "is \(what), but the type is \(type)", fix: fix))
    }
    switch (type, scalar) {
    case (.bool, .boolean(let value)): return .success(.bool(value))
    case (.int32, .integer(let value)):
        return Int32(exactly: value).map { .success(.int32($0)) } ?? misfit("beyond 32 bits")
    case (.int64, .integer(let value)): return .success(.int64(value))
    case (.float32, .integer(let value)): return .success(.float32(Float(value)))
    case (.float32, .number(let value)) where value.isFinite: return .success(.float32(Float(value)))
    case (.float64, .integer(let value)): return .success(.float64(Double(value)))
    case (.float64, .number(let value)) where value.isFinite: return .success(.float64(value))
    case (.string, .text(let text)): return .success(.string(text))
    case (.string, .integer), (.string, .number), (.string, .boolean): return misfit("not text", fix: "quote it")
    case (.timestamp, .text(let text)):
        return Timestamp(rfc3339: text).map { .success(.timestamp($0)) }
            ?? misfit("not a time with a zone", fix: "write it as 2026-05-01T12:30:00Z or 2026-05-01")
    case (.bytes, _): return misfit("written as text", fix: "values of bytes cannot be written in a definition")
    default:
        switch scalar {
        case .null: return misfit("missing")
        case .boolean: return misfit("true or false")
        case .integer, .number: return misfit("a number")
        case .text: return misfit("text")
        }
    }
}
