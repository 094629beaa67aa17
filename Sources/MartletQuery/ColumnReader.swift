internal import CDuckDB
internal import MartletCore

/// Copies the vectors of one column of a result.
enum ColumnReader {
    case scalar(ScalarReader)
    case nested(NestedReader)

    init(_ name: String, _ type: cmartlet_duckdb_type?) throws {
        switch Int(unsafe cmartlet_duckdb_get_type_id(type)) {
        case CMARTLET_DUCKDB_LIST, CMARTLET_DUCKDB_MAP: self = .nested(try NestedReader(name, unsafe type))
        default: self = .scalar(try ScalarReader(name, unsafe type))
        }
    }

    var name: String {
        switch self {
        case .scalar(let reader): reader.name
        case .nested(let reader): reader.name
        }
    }

    var isNested: Bool {
        if case .nested = self { true } else { false }
    }

    mutating func append(_ vector: cmartlet_duckdb_vector?, _ rows: Int) throws {
        switch self {
        case .scalar(var reader):
            // Left out of the enum while it grows, so that its arrays are never copied.
            self = .nested(NestedReader())
            defer { self = .scalar(reader) }
            try reader.append(unsafe vector, rows)
        case .nested(var reader):
            self = .nested(NestedReader())
            defer { self = .nested(reader) }
            try reader.append(unsafe vector, rows)
        }
    }

    /// Of lists and maps nothing is known but their number.
    mutating func reserveCapacity(_ rows: Int) {
        guard case .scalar(var reader) = self else { return }
        self = .nested(NestedReader())
        reader.reserveCapacity(rows)
        self = .scalar(reader)
    }

    mutating func take() -> Column {
        switch self {
        case .scalar(var reader):
            defer { self = .scalar(reader) }
            return reader.take()
        case .nested(var reader):
            defer { self = .nested(reader) }
            return reader.take()
        }
    }
}
