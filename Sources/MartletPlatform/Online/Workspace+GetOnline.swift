package import MartletCore
internal import MartletDefinitions
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
    /// Reads a service or single features (`view:feature`) from the online store.
    /// - Parameter entities: join key to its values as text, all of equal number; read as the key's type.
    /// - Throws: `unknownName`, `typeMismatch` for a key that does not fit, `missingColumn` for a join key not given.
    package func getOnline(
        _ names: [String], entities: [String: [String]], at time: Timestamp? = nil
    ) throws -> OnlineAnswer {
        let definitions = try appliedDefinitions()
        let time = time ?? self.time.now()
        var answer = (names: [String](), columns: [Column](), statuses: [[FeatureStatus]](), times: [[Timestamp]]())
        for (view, features) in try members(names, definitions) {
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
            answer.names += features.map { "\(view.about.name):\($0)" }
            answer.columns += read.columns
            answer.statuses += read.statuses
            answer.times += features.map { _ in read.eventTimes }
        }
        return OnlineAnswer(
            names: answer.names, columns: answer.columns, statuses: answer.statuses, eventTimes: answer.times)
    }

    /// A service's name, or names of the form `view:feature`, by view.
    private func members(
        _ names: [String], _ definitions: AppliedDefinitions
    ) throws -> [(FeatureViewDefinition, [String])] {
        if names.count == 1, !names[0].contains(":") {
            return try definitions.members(of: definitions.service(names[0])).map { ($0.view, $0.features) }
        }
        return try names.map { name in
            let parts = name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else {
                throw MartletError(.usage, "\(name) does not name a feature", fix: "write view:feature")
            }
            return (try definitions.view(parts[0]), [parts[1]])
        }
    }

    private func keyColumn(_ key: Field, _ entities: [String: [String]]) throws -> Column {
        guard let texts = entities[key.name] else {
            throw MartletError(
                .missingColumn, "the join key \(key.name) is not given", fix: "--entity \(key.name)=VALUE")
        }
        var builder = ColumnBuilder(key.type)
        for text in texts {
            guard let value = value(of: text, key.type) else {
                throw MartletError(.typeMismatch, "a value given for \(key.name) is not a \(key.type.rawValue)")
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
