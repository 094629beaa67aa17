internal import MartletCore
internal import MartletDefinitions
internal import MartletLog
internal import MartletRegistry
internal import Synchronization

/// How the payloads of a source are read, whichever version of its definition they were written under.
final class PayloadSchemas: Sendable {
    private let registry: Registry
    private let known = Mutex<[Key: PayloadReader]>([:])

    private struct Key: Hashable {
        var source: String
        var written: UInt32
        var wanted: UInt32
    }

    init(_ registry: Registry) { self.registry = registry }

    /// Reads payloads of version `written` as the columns of version `wanted`.
    /// - Throws: `notFound` for a version that the registry does not have, `typeMismatch` where a column has another
    ///   type now.
    func reader(_ source: String, written: UInt32, as wanted: UInt32) throws -> PayloadReader {
        let key = Key(source: source, written: written, wanted: wanted)
        if let reader = known.withLock({ $0[key] }) { return reader }
        let reader = try PayloadReader(
            source: source, written: schema(source, written), wanted: written == wanted ? nil : schema(source, wanted))
        known.withLock { $0[key] = reader }
        return reader
    }

    private func schema(_ source: String, _ version: UInt32) throws -> Schema {
        guard
            case .source(let definition) = try registry.definition(.source, source, version: Int64(version)).definition
        else { throw MartletError(.internalFault, "a source is stored under another kind") }
        return definition.schema
    }
}

/// Reads payloads as columns: those that the version did not have yet are null.
struct PayloadReader: Sendable {
    private let layout: RowLayout
    /// For each wanted column its place among the written ones, nil where it is new; nil where they are the same.
    private let places: [Int?]?
    private let types: [DataType]

    init(source: String, written: Schema, wanted: Schema?) throws {
        layout = RowLayout(written)
        let target = wanted ?? written
        types = target.fields.map(\.type)
        places = try wanted.map { wanted in
            try wanted.fields.map { field in
                guard let place = written.index(of: field.name) else { return nil }
                let before = written.fields[place].type
                guard before == field.type else {
                    throw MartletError(
                        .typeMismatch,
                        "column \(field.name) of source \(source) was \(before) and is \(field.type)",
                        fix: "give the changed column a new name")
                }
                return place
            }
        }
    }

    func columns(_ payloads: ByteStrings) throws -> [Column] {
        let written = try layout.decode(payloads)
        guard let places else { return written }
        return zip(places, types).map { place, type in
            place.map { written[$0] } ?? Column.nulls(type, count: payloads.count)
        }
    }
}
