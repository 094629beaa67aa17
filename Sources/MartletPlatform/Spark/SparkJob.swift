internal import MartletCore
internal import MartletFeatures
internal import MartletQuery
internal import MartletTables

/// What the Spark driver is told: see `integrations/spark/martlet_spark.py`.
struct SparkJob {
    var sources: [String: SparkSource] = [:]
    var views: [SparkViewSQL] = []

    /// - Parameter folder: has `labels.parquet`, and gets `view0`, `view1`, ….
    func json(in folder: String) -> String {
        JSONValue.object([
            "labels": .string("\(folder)/labels.parquet"),
            "sources": .object(sources.mapValues(\.json)),
            "views": .array(
                views.enumerated().map { index, view in
                    .object([
                        "sql": .string(view.sql), "output": .string("\(folder)/view\(index)"),
                        "features": .array(view.features.enumerated().map { feature("f\($0)", $1) }),
                    ])
                }),
        ]).text
    }

    private func feature(_ name: String, _ feature: SparkViewSQL.Feature) -> JSONValue {
        // Times travel as microseconds.
        let type = feature.type == .timestamp ? DataType.int64 : feature.type
        var members: [String: JSONValue] = ["name": .string(name), "type": .string(type.sparkName)]
        switch feature.value {
        case .column(let column): members["column"] = .string(column)
        case .moment(let moment):
            members["function"] = .string(moment.function)
            members["count"] = .string(moment.count)
            members["sums"] = .array(moment.sums.map(JSONValue.string))
            members["squares"] = .array(moment.squares.map(JSONValue.string))
            members["wide"] = .string(moment.wide)
        }
        return .object(members)
    }
}

/// The files of one version of a table.
struct SparkSource {
    let schema: Schema
    /// Files with equal partition values, in the order of their first one.
    let groups: [(values: [String: String?], files: [String])]

    init(_ table: DeltaTable, _ snapshot: Snapshot) throws {
        schema = snapshot.schema
        var groups: [(values: [String: String?], files: [String])] = []
        var places: [[String: String?]: Int] = [:]
        for file in snapshot.files {
            var values: [String: String?] = [:]
            for column in snapshot.partitionColumns { values[column] = .some(file.partitionValues[column] ?? nil) }
            let place = places[values] ?? groups.count
            if place == groups.count {
                places[values] = place
                groups.append((values, []))
            }
            groups[place].files.append(try table.path(of: file))
        }
        self.groups = groups
    }

    var json: JSONValue {
        .object([
            "columns": .array(schema.fields.map { .array([.string($0.name), .string($0.type.sparkName)]) }),
            "groups": .array(
                groups.map { group in
                    .object([
                        "values": .object(group.values.mapValues { $0.map(JSONValue.string) ?? .null }),
                        "files": .array(group.files.map(JSONValue.string)),
                    ])
                }),
        ])
    }
}
