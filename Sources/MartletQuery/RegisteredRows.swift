internal import CDuckDB
internal import MartletCore
internal import Synchronization

/// The rows that SQL reaches through the table function `martlet_rows(handle)`.
final class RegisteredRows: Sendable {
    typealias Handle = Int64
    static let function = "martlet_rows"

    private let state = Mutex<(next: Handle, sources: [Handle: BoundRows])>((1, [:]))

    func add(_ source: RowSource) -> Handle {
        state.withLock { state in
            defer { state.next += 1 }
            state.sources[state.next] = BoundRows(source)
            return state.next
        }
    }

    func remove(_ handle: Handle) {
        _ = state.withLock { $0.sources.removeValue(forKey: handle) }
    }

    fileprivate func source(_ handle: Handle) -> BoundRows? { state.withLock { $0.sources[handle] } }

    /// What a source threw while it was read, and forgets it: DuckDB carries only its text on.
    func takeFailure(of handle: Handle) -> (any Error)? {
        source(handle)?.failure.withLock { failure in
            defer { failure = nil }
            return failure
        }
    }

    /// Registers the table function with the engine that `connection` belongs to. The engine owns a reference to
    /// `self`, given back by DuckDB when the database closes.
    func install(on connection: QueryConnection) throws {
        var function = unsafe cmartlet_duckdb_create_table_function()
        defer { unsafe cmartlet_duckdb_destroy_table_function(&function) }
        var handleType = unsafe cmartlet_duckdb_create_logical_type(Int32(CMARTLET_DUCKDB_BIGINT))
        defer { unsafe cmartlet_duckdb_destroy_logical_type(&handleType) }
        unsafe cmartlet_duckdb_table_function_set_name(function, Self.function)
        unsafe cmartlet_duckdb_table_function_add_parameter(function, handleType)
        unsafe cmartlet_duckdb_table_function_supports_projection_pushdown(function, true)
        unsafe cmartlet_duckdb_table_function_set_extra_info(
            function, Unmanaged.passRetained(self).toOpaque(), releaseObject)
        unsafe cmartlet_duckdb_table_function_set_bind(function, bindRows)
        unsafe cmartlet_duckdb_table_function_set_init(function, beginScan)
        unsafe cmartlet_duckdb_table_function_set_function(function, fillChunk)
        let state = unsafe connection.withPointer { unsafe cmartlet_duckdb_register_table_function($0, function) }
        guard state == 0 else {
            throw MartletError(.internalFault, "DuckDB refused the table function \(Self.function)")
        }
    }
}

/// A source as a query bound it.
private final class BoundRows: Sendable {
    let source: RowSource
    let failure = Mutex<(any Error)?>(nil)
    init(_ source: RowSource) { self.source = source }
}

/// One running scan: hands out runs of rows, each to one thread.
private final class RowScan: Sendable {
    struct Run {
        let batch: RecordBatch
        let start: Int
        let count: Int
    }

    let columns: [Int]
    private let cursor: any BatchCursor
    private let position = Mutex<(batch: RecordBatch?, row: Int)>((nil, 0))

    private let bound: BoundRows

    init(_ bound: BoundRows, columns: [Int]) {
        self.columns = columns
        self.bound = bound
        cursor = bound.source.makeCursor()
    }

    func next(limit: Int) throws -> Run? {
        do {
            return try nextRun(limit: limit)
        } catch {
            bound.failure.withLock { $0 = error }
            throw error
        }
    }

    private func nextRun(limit: Int) throws -> Run? {
        try position.withLock { position in
            while true {
                if let batch = position.batch, position.row < batch.rowCount {
                    let count = min(limit, batch.rowCount - position.row)
                    defer { position.row += count }
                    return Run(batch: batch, start: position.row, count: count)
                }
                guard let batch = try cursor.next() else {
                    position = (nil, 0)
                    return nil
                }
                position = (batch, 0)
            }
        }
    }
}

// The callbacks: C function pointers without context; everything travels through DuckDB as retained objects.

/// Gives back what was handed to DuckDB retained.
let releaseObject: cmartlet_duckdb_delete = { pointer in
    guard let pointer = unsafe pointer else { return }
    unsafe Unmanaged<AnyObject>.fromOpaque(pointer).release()
}

private let bindRows: cmartlet_duckdb_callback = { info in
    guard let pointer = unsafe cmartlet_duckdb_bind_get_extra_info(info) else { return }
    let rows = unsafe Unmanaged<RegisteredRows>.fromOpaque(pointer).takeUnretainedValue()
    var parameter = unsafe cmartlet_duckdb_bind_get_parameter(info, 0)
    let handle = unsafe cmartlet_duckdb_get_int64(parameter)
    unsafe cmartlet_duckdb_destroy_value(&parameter)
    guard let bound = rows.source(handle) else {
        unsafe cmartlet_duckdb_bind_set_error(info, "these registered rows are gone")
        return
    }
    for field in bound.source.schema.fields {
        var type = unsafe makeDuckType(field.type)
        unsafe cmartlet_duckdb_bind_add_result_column(info, field.name, type)
        unsafe cmartlet_duckdb_destroy_logical_type(&type)
    }
    if let count = bound.source.rowCount {
        unsafe cmartlet_duckdb_bind_set_cardinality(info, cmartlet_idx(count), true)
    }
    unsafe cmartlet_duckdb_bind_set_bind_data(info, Unmanaged.passRetained(bound).toOpaque(), releaseObject)
}

private let beginScan: cmartlet_duckdb_callback = { info in
    guard let pointer = unsafe cmartlet_duckdb_init_get_bind_data(info) else { return }
    let bound = unsafe Unmanaged<BoundRows>.fromOpaque(pointer).takeUnretainedValue()
    let columns = unsafe (0..<cmartlet_duckdb_init_get_column_count(info)).map {
        unsafe Int(cmartlet_duckdb_init_get_column_index(info, $0))
    }
    let scan = RowScan(bound, columns: columns)
    unsafe cmartlet_duckdb_init_set_init_data(info, Unmanaged.passRetained(scan).toOpaque(), releaseObject)
}

private let fillChunk: cmartlet_duckdb_scan = { info, output in
    guard let pointer = unsafe cmartlet_duckdb_function_get_init_data(info) else { return }
    let scan = unsafe Unmanaged<RowScan>.fromOpaque(pointer).takeUnretainedValue()
    do {
        guard let run = try scan.next(limit: Int(cmartlet_duckdb_vector_size())) else {
            unsafe cmartlet_duckdb_data_chunk_set_size(output, 0)
            return
        }
        for (index, column) in scan.columns.enumerated() where column < run.batch.columns.count {
            let vector = unsafe cmartlet_duckdb_data_chunk_get_vector(output, cmartlet_idx(index))
            unsafe fill(vector, run.batch.columns[column], run.start, run.count)
        }
        unsafe cmartlet_duckdb_data_chunk_set_size(output, cmartlet_idx(run.count))
    } catch {
        unsafe cmartlet_duckdb_function_set_error(info, "\(error)")
    }
}

/// To be destroyed by the caller.
private func makeDuckType(_ type: DataType) -> cmartlet_duckdb_type? {
    switch type {
    case .list(let element):
        var inner = unsafe makeDuckType(element.type)
        defer { unsafe cmartlet_duckdb_destroy_logical_type(&inner) }
        return unsafe cmartlet_duckdb_create_list_type(inner)
    case .map(let element):
        var key = unsafe makeDuckType(.string)
        var inner = unsafe makeDuckType(element.type)
        defer {
            unsafe cmartlet_duckdb_destroy_logical_type(&key)
            unsafe cmartlet_duckdb_destroy_logical_type(&inner)
        }
        return unsafe cmartlet_duckdb_create_map_type(key, inner)
    default:
        guard let element = type.element else { preconditionFailure("a type is a scalar, a list or a map") }
        return unsafe cmartlet_duckdb_create_logical_type(duckType(element))
    }
}

private func duckType(_ type: DataType.Element) -> Int32 {
    let identifier =
        switch type {
        case .bool: CMARTLET_DUCKDB_BOOLEAN
        case .int32: CMARTLET_DUCKDB_INTEGER
        case .int64: CMARTLET_DUCKDB_BIGINT
        case .float32: CMARTLET_DUCKDB_FLOAT
        case .float64: CMARTLET_DUCKDB_DOUBLE
        case .string: CMARTLET_DUCKDB_VARCHAR
        case .bytes: CMARTLET_DUCKDB_BLOB
        case .timestamp: CMARTLET_DUCKDB_TIMESTAMP_TZ
        }
    return Int32(identifier)
}

/// Copies rows `start..<start + count` of a column into a vector.
private func fill(_ vector: cmartlet_duckdb_vector?, _ column: Column, _ start: Int, _ count: Int) {
    if count == 0 { return }
    guard let data = unsafe cmartlet_duckdb_vector_get_data(vector) else {
        preconditionFailure("a vector of an output chunk has data")
    }
    func copy<T>(_ array: [T]) {
        unsafe array.withUnsafeBufferPointer { source in
            unsafe data.copyMemory(from: source.baseAddress! + start, byteCount: count * MemoryLayout<T>.stride)
        }
    }
    switch column.values {
    case .bool(let array): copy(array)
    case .int32(let array): copy(array)
    case .int64(let array), .timestamp(let array): copy(array)
    case .float32(let array): copy(array)
    case .float64(let array): copy(array)
    case .string(let strings), .bytes(let strings): unsafe fillStrings(vector, data, strings, start, count)
    case .list(let lists):
        let range = unsafe fillEntries(vector, data, lists.offsets, start, count)
        unsafe fill(cmartlet_duckdb_list_vector_get_child(vector), lists.elements, range.lowerBound, range.count)
    case .map(let maps):
        let range = unsafe fillEntries(vector, data, maps.offsets, start, count)
        let child = unsafe cmartlet_duckdb_list_vector_get_child(vector)
        unsafe fill(
            cmartlet_duckdb_struct_vector_get_child(child, 0), Column(.string(maps.keys)), range.lowerBound,
            range.count)
        unsafe fill(cmartlet_duckdb_struct_vector_get_child(child, 1), maps.values, range.lowerBound, range.count)
    }
    guard let validity = column.validity else { return }
    unsafe cmartlet_duckdb_vector_ensure_validity_writable(vector)
    guard let mask = unsafe cmartlet_duckdb_vector_get_validity(vector) else { return }
    for row in 0..<count where !validity[start + row] {
        unsafe mask[row >> 6] &= ~(1 &<< UInt64(row & 63))
    }
}

/// Writes where the elements of each row stand, and makes room for them.
/// - Returns: the elements of the rows.
private func fillEntries(
    _ vector: cmartlet_duckdb_vector?, _ data: UnsafeMutableRawPointer, _ offsets: [Int32], _ start: Int, _ count: Int
) -> Range<Int> {
    let entries = unsafe data.assumingMemoryBound(to: cmartlet_duckdb_list_entry.self)
    let first = offsets[start]
    for row in 0..<count {
        unsafe entries[row] = cmartlet_duckdb_list_entry(
            offset: UInt64(offsets[start + row] - first),
            length: UInt64(offsets[start + row + 1] - offsets[start + row]))
    }
    let range = Int(first)..<Int(offsets[start + count])
    let size = cmartlet_idx(range.count)
    let state =
        unsafe cmartlet_duckdb_list_vector_reserve(vector, size) + cmartlet_duckdb_list_vector_set_size(vector, size)
    precondition(state == 0, "DuckDB makes room in a vector of lists")
    return range
}

private func fillStrings(
    _ vector: cmartlet_duckdb_vector?, _ data: UnsafeMutableRawPointer, _ strings: ByteStrings, _ start: Int,
    _ count: Int
) {
    let slots = unsafe data.assumingMemoryBound(to: cmartlet_duckdb_string.self)
    unsafe strings.bytes.withUnsafeBytes { bytes in
        for row in 0..<count {
            let range = strings.range(start + row)
            if range.count <= 12 {
                // Short strings stand in the slot itself; DuckDB compares slots as words, so the rest must be zero.
                let slot = unsafe slots + row
                unsafe slot.pointee = cmartlet_duckdb_string()
                unsafe slot.pointee.length = UInt32(range.count)
                if !range.isEmpty {
                    unsafe (UnsafeMutableRawPointer(slot) + 4).copyMemory(
                        from: bytes.baseAddress! + range.lowerBound, byteCount: range.count)
                }
            } else {
                let text = unsafe (bytes.baseAddress! + range.lowerBound).assumingMemoryBound(to: CChar.self)
                unsafe cmartlet_duckdb_vector_assign_string_element_len(
                    vector, cmartlet_idx(row), text, cmartlet_idx(range.count))
            }
        }
    }
}
