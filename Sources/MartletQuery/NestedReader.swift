internal import CDuckDB
internal import MartletCore

/// Copies the vectors of a list, or of a map from texts, into one column.
struct NestedReader {
    let name: String
    private let isMap: Bool
    /// The most elements.
    private let limit: Int
    private var keys: ScalarReader?
    private var elements: ScalarReader?
    private var offsets: [Int32] = [0]
    private var validity: Bitmap?

    /// Holds a place; reads nothing.
    init() {
        name = ""
        isMap = false
        limit = 0
    }

    /// - Throws: `typeMismatch` for lists of lists and for maps from anything but text.
    init(_ name: String, _ type: cmartlet_duckdb_type?, limit: Int) throws {
        self.name = name
        self.limit = limit
        isMap = unsafe cmartlet_duckdb_get_type_id(type) == Int32(CMARTLET_DUCKDB_MAP)
        if isMap {
            var key = unsafe cmartlet_duckdb_map_type_key_type(type)
            defer { unsafe cmartlet_duckdb_destroy_logical_type(&key) }
            guard unsafe cmartlet_duckdb_get_type_id(key) == Int32(CMARTLET_DUCKDB_VARCHAR) else {
                throw MartletError(
                    .typeMismatch, "column \(name) is a map whose keys are not text", fix: "cast it in the query")
            }
            keys = try ScalarReader(name, unsafe key, limit: limit)
        }
        var element =
            unsafe isMap ? cmartlet_duckdb_map_type_value_type(type) : cmartlet_duckdb_list_type_child_type(type)
        defer { unsafe cmartlet_duckdb_destroy_logical_type(&element) }
        elements = try ScalarReader(name, unsafe element, limit: limit)
    }

    mutating func take() -> Column {
        guard let values = elements?.take() else { preconditionFailure("a reader that holds a place reads nothing") }
        defer {
            offsets = [0]
            validity = nil
        }
        guard isMap else { return Column(.list(ListValues(offsets: offsets, elements: values)), validity: validity) }
        guard let texts = keys?.take(), case .string(let strings) = texts.values else {
            preconditionFailure("the keys of a map are text")
        }
        return Column(.map(sortedMaps(offsets, strings, values)), validity: validity)
    }

    /// - Throws: `typeMismatch` for a null inside a list or a map, `limitExceeded` beyond the elements that one column
    ///   holds.
    mutating func append(_ vector: cmartlet_duckdb_vector?, _ rows: Int) throws {
        guard let data = unsafe cmartlet_duckdb_vector_get_data(vector) else {
            preconditionFailure("a vector of a fetched chunk has data")
        }
        let mask = unsafe cmartlet_duckdb_vector_get_validity(vector)
        unsafe appendValidity(of: mask, rows, to: &validity, before: offsets.count - 1)
        let entries = unsafe data.assumingMemoryBound(to: cmartlet_duckdb_list_entry.self)
        var picked: [Int32] = []
        let start = offsets[offsets.count - 1]
        for row in 0..<rows {
            let isValid = unsafe mask.map { unsafe $0[row >> 6] & (1 &<< UInt64(row & 63)) != 0 } ?? true
            if isValid {
                let entry = unsafe entries[row]
                let total = Int(start) + picked.count + Int(entry.length)
                if total > limit { try checkColumn(name, holds: total, limit: limit) }
                picked.append(contentsOf: Int32(entry.offset)..<Int32(entry.offset + entry.length))
            }
            offsets.append(start + Int32(picked.count))
        }
        let child = unsafe cmartlet_duckdb_list_vector_get_child(vector)
        let size = unsafe Int(cmartlet_duckdb_list_vector_get_size(vector))
        if isMap {
            try keys?.append(unsafe cmartlet_duckdb_struct_vector_get_child(child, 0), size, picking: picked)
            try elements?.append(unsafe cmartlet_duckdb_struct_vector_get_child(child, 1), size, picking: picked)
        } else {
            try elements?.append(unsafe child, size, picking: picked)
        }
    }
}

extension ScalarReader {
    /// Appends some rows of a vector, none of them null.
    fileprivate mutating func append(_ vector: cmartlet_duckdb_vector?, _ rows: Int, picking picked: [Int32]) throws {
        if picked.isEmpty { return }
        let isWhole = picked.count == rows && picked.enumerated().allSatisfy { $0 == Int($1) }
        if isWhole, unsafe cmartlet_duckdb_vector_get_validity(vector) == nil {
            try append(unsafe vector, rows)
            return
        }
        var part = empty()
        try part.append(unsafe vector, rows)
        let column = part.take().gathering(fitting: picked)
        guard column.nullCount == 0 else {
            throw MartletError(
                .typeMismatch, "column \(name) holds a list or a map with a null in it",
                fix: "drop the nulls in the query")
        }
        try append(column)
    }
}

/// Maps as a query gives them, with the keys of each in ascending order.
private func sortedMaps(_ offsets: [Int32], _ keys: ByteStrings, _ values: Column) -> MapValues {
    var order: [Int32] = []
    order.reserveCapacity(keys.count)
    var isSorted = true
    for map in 0..<offsets.count - 1 {
        let range = offsets[map]..<offsets[map + 1]
        let sorted = range.sorted { keys.slice(Int($0)).lexicographicallyPrecedes(keys.slice(Int($1))) }
        isSorted = isSorted && sorted.elementsEqual(range)
        order += sorted
    }
    if isSorted { return MapValues(offsets: offsets, keys: keys, values: values) }
    var texts = ByteStrings()
    for entry in order { texts.append(contentsOf: keys.slice(Int(entry))) }
    return MapValues(offsets: offsets, keys: texts, values: values.gathering(fitting: order))
}
