internal import MartletCore

/// What is kept of a column of a training set.
package struct DatasetColumn: Sendable, Hashable {
    package var name: String
    package var type: String
    /// `view:feature`; nil for a column of the labels.
    package var feature: String?
    /// Of the values, in hexadecimal.
    package var hash: String
    package var nullCount: Int64
    /// Over the values that are there and are no NaN; nil for texts and where there are none.
    package var mean: Double?
    package var minimum: Double?
    package var maximum: Double?

    package init(
        name: String, type: String, feature: String? = nil, hash: String, nullCount: Int64, mean: Double? = nil,
        minimum: Double? = nil, maximum: Double? = nil
    ) {
        self.name = name
        self.type = type
        self.feature = feature
        self.hash = hash
        self.nullCount = nullCount
        self.mean = mean
        self.minimum = minimum
        self.maximum = maximum
    }
}

func recordText(_ columns: [DatasetColumn]) -> String {
    JSONValue.array(
        columns.map { column in
            var members: [String: JSONValue] = [
                "name": .string(column.name), "type": .string(column.type), "hash": .string(column.hash),
                "nulls": .integer(column.nullCount),
            ]
            members["feature"] = column.feature.map { .string($0) }
            members["mean"] = column.mean.map { .number($0) }
            members["min"] = column.minimum.map { .number($0) }
            members["max"] = column.maximum.map { .number($0) }
            return .object(members)
        }
    ).text
}

func recordColumns(_ text: String) throws -> [DatasetColumn] {
    let damaged = MartletError(.corruptData, "a record of the registry is damaged")
    guard let list = try JSONValue(parsing: text).array else { throw damaged }
    return try list.map { json in
        guard let name = json["name"]?.string, let type = json["type"]?.string, let hash = json["hash"]?.string,
            let nulls = json["nulls"]?.integer
        else { throw damaged }
        func number(_ key: String) -> Double? { json[key].flatMap { $0.number ?? $0.string.flatMap(Double.init) } }
        return DatasetColumn(
            name: name, type: type, feature: json["feature"]?.string, hash: hash, nullCount: nulls,
            mean: number("mean"), minimum: number("min"), maximum: number("max"))
    }
}
