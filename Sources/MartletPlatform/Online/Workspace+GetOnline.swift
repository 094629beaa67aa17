package import MartletCore
internal import MartletDefinitions
internal import MartletFeatures
package import MartletOnline

/// Online features for some entities, one row an entity.
package struct OnlineAnswer: Sendable {
    package let names: [String]
    package let columns: [Column]
    /// By feature, then by row.
    package let statuses: [[FeatureStatus]]
    package let eventTimes: [[Timestamp]]
}

extension Workspace {
    /// Reads a service or single features (`view:feature`) from the online store, and computes derived ones.
    /// - Parameters:
    ///   - entities: join key to its values as text, all of equal number; read as the key's type.
    ///   - request: the values given with the request, by name, as many as entities.
    /// - Throws: `unknownName`, `typeMismatch` for a value that does not fit, `missingColumn` for a join key or a
    ///   request value not given, `usage` for numbers of values that differ.
    package func getOnline(
        _ names: [String], entities: [String: [String]], request: [String: [String]] = [:], at time: Timestamp? = nil
    ) throws -> OnlineAnswer {
        let definitions = try servedDefinitions()
        let time = time ?? self.time.now()
        let wanted = try references(names, definitions)
        let computation = try DerivedComputation(wanted, definitions)
        let count = entities.values.first?.count ?? request.values.first?.count ?? 1
        var columns: [FeatureReference: Column] = [:]
        var statuses: [FeatureReference: [FeatureStatus]] = [:]
        var times: [FeatureReference: [Timestamp]] = [:]
        for (view, features) in computation.stored {
            let online = try onlineView(view, definitions)
            let keys = try online.keys.map { try keyColumn($0, entities) }
            let indices = try features.map { feature in
                guard let index = online.featureIndex(feature) else {
                    throw MartletError(
                        .unknownName, "features \(view.about.name) have no feature \(feature)",
                        fix: nearestName(to: feature, among: view.featureNames).map { "did you mean \($0)?" })
                }
                return index
            }
            let read = try self.online.read(online, keys: keys, features: indices, at: time)
            for (place, feature) in features.enumerated() {
                let reference = FeatureReference(view: view.about.name, feature: feature)
                columns[reference] = read.columns[place]
                statuses[reference] = read.statuses[place]
                times[reference] = read.eventTimes
            }
        }
        let values = try computation.columns(
            stored: { reference in
                guard let column = columns[reference] else {
                    throw MartletError(.internalFault, "\(reference.view):\(reference.feature) was not read")
                }
                return column
            }, request: requestColumns(computation.request, request, count: count), count: count)
        return OnlineAnswer(
            names: wanted.map { "\($0.view):\($0.feature)" }, columns: values,
            statuses: zip(wanted, values).map { reference, column in
                // A derived value is there or is null: what it was made from has the other statuses.
                statuses[reference] ?? (0..<count).map { column.isNull($0) ? .nullValue : .present }
            },
            eventTimes: wanted.map { times[$0] ?? Array(repeating: .epoch, count: count) })
    }

    /// The features of a service, or those of the names of the form `view:feature`.
    private func references(_ names: [String], _ definitions: AppliedDefinitions) throws -> [FeatureReference] {
        if names.count == 1, !names[0].contains(":") {
            return try definitions.members(of: definitions.service(names[0])).flatMap { member in
                member.features.map { FeatureReference(view: member.view.about.name, feature: $0) }
            }
        }
        return try names.map { name in
            let parts = name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else {
                throw MartletError(.usage, "\(name) does not name a feature", fix: "write view:feature")
            }
            return FeatureReference(view: try definitions.view(parts[0]).about.name, feature: parts[1])
        }
    }

    /// The request values that are needed, as columns. A missing value is written as nothing, but for texts.
    func requestColumns(_ fields: [Field], _ request: [String: [String]], count: Int) throws -> [Column] {
        try fields.map { field in
            guard let texts = request[field.name] else {
                throw MartletError(
                    .missingColumn, "the request value \(field.name) is not given",
                    fix: nearestName(to: field.name, among: request.keys.sorted()).map {
                        "did you mean \(field.name) by \($0)?"
                    } ?? "--request \(field.name)=VALUE")
            }
            guard texts.count == count else {
                throw MartletError(
                    .usage, "\(texts.count) values are given for \(field.name), and there are \(count) entities",
                    fix: "give one for each entity")
            }
            return try column(of: texts, field)
        }
    }

    private func keyColumn(_ key: Field, _ entities: [String: [String]]) throws -> Column {
        guard let texts = entities[key.name] else {
            throw MartletError(
                .missingColumn, "the join key \(key.name) is not given", fix: "--entity \(key.name)=VALUE")
        }
        return try column(of: texts, Field(key.name, key.type, isNullable: false))
    }

    private func column(of texts: [String], _ field: Field) throws -> Column {
        var builder = ColumnBuilder(field.type)
        for text in texts {
            if text.isEmpty, field.isNullable, field.type != .string {
                builder.appendNull()
                continue
            }
            guard let value = value(of: text, field.type) else {
                throw MartletError(.typeMismatch, "a value given for \(field.name) is not a \(field.type.rawValue)")
            }
            builder.append(value)
        }
        return builder.finish()
    }
}

/// Text as a value of the type; nil where it is none.
func value(of text: String, _ type: DataType) -> Value? {
    switch type {
    case .bool: Bool(text).map { .bool($0) }
    case .int32: Int32(text).map { .int32($0) }
    case .int64: Int64(text).map { .int64($0) }
    case .float32: Float(text).map { .float32($0) }
    case .float64: Double(text).map { .float64($0) }
    case .string: .string(text)
    case .bytes: .bytes(Array(text.utf8))
    case .timestamp: Timestamp(rfc3339: text).map { .timestamp($0) }
    case .list, .map: nil
    }
}
