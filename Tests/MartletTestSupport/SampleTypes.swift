package import MartletCore

extension DataType {
    /// Every scalar type, and lists and maps of some of them.
    package static let samples: [DataType] =
        scalars + [.list(.float64), .list(.string), .list(.timestamp), .map(.int64), .map(.float64), .map(.string)]

    /// A value of the type, given one way to make scalars; lists and maps have 0 to 3 elements.
    package func sample(_ random: inout SeededRandom, _ scalar: (Element, inout SeededRandom) -> Value) -> Value {
        switch self {
        case .list(let element):
            return .list((0..<random.next() % 4).map { _ in scalar(element, &random) })
        case .map(let element):
            let keys = ["", "a", "é", "longer than twelve bytes", "a'b\"c"]
            var entries: [String: Value] = [:]
            for _ in 0..<random.next() % 4 {
                entries[keys[Int(random.next() % UInt64(keys.count))]] = scalar(element, &random)
            }
            return .map(entries)
        default:
            guard let element else { preconditionFailure("a type is a scalar, a list or a map") }
            return scalar(element, &random)
        }
    }
}
