internal import MartletCore

/// Small maps as JSON text, their keys sorted, for columns that are read as a whole.
func recordText(_ numbers: [String: Int64]) -> String {
    JSONValue.object(numbers.mapValues { .integer($0) }).text
}

func recordText(_ texts: [String: String]) -> String {
    JSONValue.object(texts.mapValues { .string($0) }).text
}

/// Infinities and NaN become texts: JSON has no numbers for them.
func recordText(_ metrics: [String: Double]) -> String {
    JSONValue.object(metrics.mapValues { .number($0) }).text
}

func recordText(_ texts: [String]) -> String { JSONValue.array(texts.map { .string($0) }).text }

func recordNumbers(_ text: String) throws -> [String: Int64] { try recordObject(text) { $0.integer } }
func recordTexts(_ text: String) throws -> [String: String] { try recordObject(text) { $0.string } }
func recordMetrics(_ text: String) throws -> [String: Double] {
    try recordObject(text) { $0.number ?? $0.string.flatMap(Double.init) }
}

func recordList(_ text: String) throws -> [String] {
    guard let values = try JSONValue(parsing: text).array else { throw damaged }
    return try values.map { value in
        guard let text = value.string else { throw damaged }
        return text
    }
}

private func recordObject<Element>(_ text: String, _ read: (JSONValue) -> Element?) throws -> [String: Element] {
    guard let members = try JSONValue(parsing: text).object else { throw damaged }
    return try members.mapValues { value in
        guard let element = read(value) else { throw damaged }
        return element
    }
}

private let damaged = MartletError(.corruptData, "a record of the registry is damaged")
