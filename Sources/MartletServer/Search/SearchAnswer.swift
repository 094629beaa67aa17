internal import MartletCore
internal import MartletHTTP
internal import MartletOnline

/// What a search found, in the shape of `/get-online-features`: the features asked for, the distance, then the join
/// keys, one value a hit, nearest first.
struct SearchAnswer {
    static let distance = "distance"

    let view: OnlineView
    /// The view as the request names it.
    let label: String
    /// Indices into the view's features.
    let features: [Int]
    let hits: [VectorHit]
    let hasFullNames: Bool
    let hasVersionMetadata: Bool

    func write(to writer: inout ByteWriter) throws {
        writer.append("{\"results\":[")
        for feature in features {
            try writeColumn(to: &writer) { hit, writer in
                if hit.row.isPresent(feature) {
                    try writer.append(valueOf: hit.row, feature, view.features[feature].type)
                } else {
                    writer.append("null")
                }
            } isPresent: {
                $0.row.isPresent(feature)
            }
            writer.append(UInt8(ascii: ","))
        }
        try writeColumn(to: &writer) { hit, writer in writer.appendJSON(hit.distance) }
        for index in view.keys.indices {
            writer.append(UInt8(ascii: ","))
            try writeColumn(to: &writer) { hit, writer in writer.append(key: hit.keys[index]) }
        }
        writer.append("],\"metadata\":{\"feature_names\":[")
        let names = features.map { view.features[$0].name }
        for name in hasFullNames ? names.map({ "\(label)__\($0)" }) : names {
            writer.appendJSON(name)
            writer.append(UInt8(ascii: ","))
        }
        writer.appendJSON(Self.distance)
        for key in view.keys {
            writer.append(UInt8(ascii: ","))
            writer.appendJSON(key.name)
        }
        writer.append("]")
        if hasVersionMetadata { writer.append(contentsOf: versionMetadata([(view.name, view.identity.version)])) }
        writer.append("}}")
    }

    private func writeColumn(
        to writer: inout ByteWriter, _ value: (VectorHit, inout ByteWriter) throws -> Void,
        isPresent: (VectorHit) -> Bool = { _ in true }
    ) throws {
        func separate(_ index: Int) { if index > 0 { writer.append(UInt8(ascii: ",")) } }
        writer.append("{\"values\":[")
        for (index, hit) in hits.enumerated() {
            separate(index)
            try value(hit, &writer)
        }
        writer.append("],\"statuses\":[")
        for (index, hit) in hits.enumerated() {
            separate(index)
            writer.append(isPresent(hit) ? "\"PRESENT\"" : "\"NULL_VALUE\"")
        }
        writer.append("],\"event_timestamps\":[")
        for (index, hit) in hits.enumerated() {
            separate(index)
            writer.appendJSON(Timestamp(microseconds: hit.row.eventTime))
        }
        writer.append("]}")
    }
}

extension ByteWriter {
    /// A join key as it is echoed by `/get-online-features`.
    fileprivate mutating func append(key: Value) {
        switch key {
        case .bool(let value): appendJSON(value)
        case .int32(let value): append(decimal: Int64(value))
        case .int64(let value): append(decimal: value)
        case .timestamp(let value): appendSeconds(value.microseconds)
        case .string(let value): appendJSON(value)
        case .bytes(let value): value.withUnsafeBytes { appendJSON(base64: $0) }
        case .null, .float32, .float64, .list, .map: append("null")
        }
    }
}
