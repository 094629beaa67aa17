internal import MartletCore

/// A command line taken apart by the options of its command.
struct Invocation: Sendable {
    let operands: [String]
    private let values: [String: [String]]
    private let switches: Set<String>
    let console: Console

    /// Reads `--name value`, `--name=value` and switches; `--` ends the options.
    /// - Throws: `usage` for an unknown option, a missing value and a value given to a switch.
    init(_ arguments: [String], command: Command) throws {
        var operands: [String] = []
        var values: [String: [String]] = [:]
        var switches: Set<String> = []
        let options = command.options + Option.common
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                operands += rest
                break
            }
            guard argument.hasPrefix("--") else {
                if argument.hasPrefix("-"), argument.count > 1, Double(argument) == nil {
                    throw MartletError(.usage, "unknown option \(argument)", fix: "options are written --name")
                }
                operands.append(argument)
                continue
            }
            let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            guard let option = options.first(where: { $0.name == name }) else {
                let nearest = nearestName(to: name, among: options.map(\.name))
                throw MartletError(
                    .usage, "martlet \(command.name) has no option --\(name)",
                    fix: nearest.map { "did you mean --\($0)?" } ?? "see martlet \(command.name) --help")
            }
            if option.placeholder == nil {
                if parts.count == 2 { throw MartletError(.usage, "--\(name) takes no value") }
                switches.insert(name)
            } else if parts.count == 2 {
                values[name, default: []].append(String(parts[1]))
            } else if let value = rest.popFirst() {
                values[name, default: []].append(value)
            } else {
                throw MartletError(.usage, "--\(name) needs a value: --\(name) \(option.placeholder ?? "")")
            }
        }
        self.operands = operands
        self.values = values
        self.switches = switches
        console = Console(isJSON: switches.contains("json"))
    }

    func isSet(_ name: String) -> Bool { switches.contains(name) }

    func string(_ name: String) -> String? { values[name]?.last }

    /// Every value of an option that may be repeated.
    func strings(_ name: String) -> [String] { values[name] ?? [] }

    func required(_ name: String) throws -> String {
        guard let value = string(name) else { throw MartletError(.usage, "--\(name) is missing") }
        return value
    }

    func integer(_ name: String, in range: ClosedRange<Int> = 1...Int.max) throws -> Int? {
        guard let text = string(name) else { return nil }
        // 1_000_000 and 1000000 are the same number.
        guard let value = Int(text.filter { $0 != "_" }), range.contains(value) else {
            throw MartletError(.usage, "--\(name) takes a whole number from \(range.lowerBound), not \(text)")
        }
        return value
    }

    func number(_ name: String) throws -> Double? {
        guard let text = string(name) else { return nil }
        guard let value = Double(text), value.isFinite else {
            throw MartletError(.usage, "--\(name) takes a number, not \(text)")
        }
        return value
    }

    func timestamp(_ name: String) throws -> Timestamp? {
        guard let text = string(name) else { return nil }
        guard let value = Timestamp(rfc3339: text) else {
            throw MartletError(
                .missingTimeZone, "--\(name) takes a time with its zone, not \(text)",
                fix: "write it as 2026-05-01T12:00:00Z or 2026-05-01T14:00:00+02:00")
        }
        return value
    }

    func noOperands() throws {
        if let first = operands.first { throw MartletError(.usage, "\(first) is not expected here") }
    }

    /// The operands, checked for their number.
    func operands(_ names: String...) throws -> [String] {
        guard operands.count == names.count else {
            throw MartletError(.usage, "expected \(names.joined(separator: " ")), got \(operands.count) operands")
        }
        return operands
    }
}
