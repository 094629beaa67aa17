internal import MartletCore

/// `--name value` pairs.
struct BenchArguments {
    private var values: [String: String] = [:]

    init(_ words: [String]) throws {
        guard words.count.isMultiple(of: 2) else { throw MartletError(.usage, "every option has a value") }
        for index in stride(from: 0, to: words.count, by: 2) {
            guard words[index].hasPrefix("--") else {
                throw MartletError(.usage, "\(words[index]) is not an option")
            }
            values[String(words[index].dropFirst(2))] = words[index + 1]
        }
    }

    func text(_ name: String) throws -> String {
        guard let value = values[name] else { throw MartletError(.usage, "--\(name) is missing") }
        return value
    }

    func optionalText(_ name: String) -> String? { values[name] }

    func number(_ name: String, default standard: Int) throws -> Int {
        guard let value = values[name] else { return standard }
        guard let number = Int(value), number > 0 else {
            throw MartletError(.usage, "--\(name) is a positive number, not \(value)")
        }
        return number
    }
}
