internal import CDuckDB
internal import MartletCore
internal import Synchronization

/// The rows of running queries that the scalar function `martlet_collect(handle, order, column…)` puts aside on
/// whatever thread computes them. A query's result would bring all of them through one thread, and copy them twice on
/// the way.
final class CollectedRows: Sendable {
    typealias Handle = Int64
    static let function = "martlet_collect"

    private let state = Mutex<(next: Handle, collectors: [Handle: RowCollector])>((1, [:]))

    func add(_ collector: RowCollector) -> Handle {
        state.withLock { state in
            defer { state.next += 1 }
            state.collectors[state.next] = collector
            return state.next
        }
    }

    func remove(_ handle: Handle) {
        _ = state.withLock { $0.collectors.removeValue(forKey: handle) }
    }

    fileprivate func collector(_ handle: Handle) -> RowCollector? { state.withLock { $0.collectors[handle] } }

    /// Registers the function with the engine that `connection` belongs to. The engine owns a reference to `self`,
    /// given back by DuckDB when the database closes.
    func install(on connection: QueryConnection) throws {
        var function = unsafe cmartlet_duckdb_create_scalar_function()
        defer { unsafe cmartlet_duckdb_destroy_scalar_function(&function) }
        var handleType = unsafe cmartlet_duckdb_create_logical_type(Int32(CMARTLET_DUCKDB_BIGINT))
        defer { unsafe cmartlet_duckdb_destroy_logical_type(&handleType) }
        var anyType = unsafe cmartlet_duckdb_create_logical_type(Int32(CMARTLET_DUCKDB_ANY))
        defer { unsafe cmartlet_duckdb_destroy_logical_type(&anyType) }
        var resultType = unsafe cmartlet_duckdb_create_logical_type(Int32(CMARTLET_DUCKDB_BOOLEAN))
        defer { unsafe cmartlet_duckdb_destroy_logical_type(&resultType) }
        unsafe cmartlet_duckdb_scalar_function_set_name(function, Self.function)
        unsafe cmartlet_duckdb_scalar_function_add_parameter(function, handleType)
        unsafe cmartlet_duckdb_scalar_function_set_varargs(function, anyType)
        unsafe cmartlet_duckdb_scalar_function_set_return_type(function, resultType)
        // It has an effect and takes nulls like other values: to be called once for each chunk, with all its rows.
        unsafe cmartlet_duckdb_scalar_function_set_volatile(function)
        unsafe cmartlet_duckdb_scalar_function_set_special_handling(function)
        unsafe cmartlet_duckdb_scalar_function_set_extra_info(
            function, Unmanaged.passRetained(self).toOpaque(), releaseObject)
        unsafe cmartlet_duckdb_scalar_function_set_function(function, collectChunk)
        let state = unsafe connection.withPointer { unsafe cmartlet_duckdb_register_scalar_function($0, function) }
        guard state == 0 else {
            throw MartletError(.internalFault, "DuckDB refused the function \(Self.function)")
        }
    }
}

/// Takes the chunks of one query. Chunks of several threads come at once; each goes into a slab that no other thread
/// has meanwhile.
final class RowCollector: Sendable {
    /// The first slabs have room for about as many rows as DuckDB gives a thread at a time; those of a great answer are
    /// larger, so that large pages can lie behind them.
    private static let slabRows = (first: 131_072, later: 1_048_576)

    private let empty: [ColumnReader]
    private let columnLimit: Int
    private let state = Mutex<(slabs: [Slab], idle: [Slab], failure: MartletError?)>(([], [], nil))

    init(_ columns: [ColumnReader], columnLimit: Int) {
        self.columnLimit = columnLimit
        empty = columns
    }

    var failure: MartletError? { state.withLock { $0.failure } }

    func take(_ chunk: cmartlet_duckdb_chunk?) throws {
        let slab = state.withLock { $0.idle.popLast() } ?? newSlab()
        do {
            try slab.append(unsafe chunk)
        } catch let error as MartletError {
            state.withLock { $0.failure = error }
            throw error
        }
        if slab.rowCount < slab.capacity { state.withLock { $0.idle.append(slab) } }
    }

    private func newSlab() -> Slab {
        let count = state.withLock { $0.slabs.count }
        let slab = Slab(empty, rows: count < 4 ? Self.slabRows.first : Self.slabRows.later)
        state.withLock { $0.slabs.append(slab) }
        return slab
    }

    /// All rows, chunk after chunk by the order of its first row.
    /// - Throws: `limitExceeded` for a column with more bytes of text than one column holds.
    func finish(threads: Int) throws -> RecordBatch {
        let slabs = state.withLock { $0.slabs }
        var columns = slabs.map { slab in slab.columns.indices.map { slab.columns[$0].take() } }
        let runs = slabs.enumerated().flatMap { number, slab in slab.runs.map { (slab: number, run: $0) } }
            .sorted {
                ($0.run.order, $0.slab, $0.run.rows.lowerBound) < ($1.run.order, $1.slab, $1.run.rows.lowerBound)
            }
        var fields: [Field] = []
        var joined: [Column] = []
        for (index, reader) in empty.enumerated() {
            var reader = reader
            let none = reader.take()
            fields.append(Field(reader.name, none.type))
            joined.append(
                runs.isEmpty
                    ? none
                    : try .joining(
                        runs.map { ColumnSlice(columns[$0.slab][index], $0.run.rows) }, named: reader.name,
                        threads: threads, limit: columnLimit))
            // What was copied is not held any longer.
            for slab in columns.indices { columns[slab][index] = none }
        }
        return RecordBatch(schema: Schema(fields), columns: joined)
    }
}

/// A stretch of memory that chunks of any order are put into.
///
/// `@unchecked Sendable` because one thread at a time has it: `RowCollector` hands it out under its lock.
private final class Slab: @unchecked Sendable {
    struct Run {
        /// The order of its first row, `Int64.min` for null.
        var order: Int64
        var rows: Range<Int>
    }

    var columns: [ColumnReader]
    /// It takes chunks until it has so many rows.
    let capacity: Int
    private(set) var rowCount = 0
    private(set) var runs: [Run] = []

    init(_ columns: [ColumnReader], rows: Int) {
        self.columns = columns
        capacity = rows
        // A chunk more, for the one that goes beyond.
        for index in columns.indices { self.columns[index].reserveCapacity(rows + 4_096) }
    }

    func append(_ chunk: cmartlet_duckdb_chunk?) throws {
        let count = unsafe Int(cmartlet_duckdb_data_chunk_get_size(chunk))
        for index in columns.indices {
            // The first arguments are the handle and the order.
            let vector = unsafe cmartlet_duckdb_data_chunk_get_vector(chunk, cmartlet_idx(index + 2))
            try columns[index].append(unsafe vector, count)
        }
        let order = unsafe cmartlet_duckdb_data_chunk_get_vector(chunk, 1)
        runs.append(Run(order: firstInteger(unsafe order), rows: rowCount..<rowCount + count))
        rowCount += count
    }
}

private func firstInteger(_ vector: cmartlet_duckdb_vector?) -> Int64 {
    if let mask = unsafe cmartlet_duckdb_vector_get_validity(vector), unsafe mask[0] & 1 == 0 { return .min }
    guard let data = unsafe cmartlet_duckdb_vector_get_data(vector) else { return .min }
    return unsafe data.assumingMemoryBound(to: Int64.self)[0]
}

private let collectChunk: cmartlet_duckdb_scalar = { info, input, output in
    guard let pointer = unsafe cmartlet_duckdb_scalar_function_get_extra_info(info) else { return }
    let rows = unsafe Unmanaged<CollectedRows>.fromOpaque(pointer).takeUnretainedValue()
    let count = unsafe Int(cmartlet_duckdb_data_chunk_get_size(input))
    guard count > 0, let data = unsafe cmartlet_duckdb_vector_get_data(output) else { return }
    unsafe data.assumingMemoryBound(to: Bool.self).initialize(repeating: true, count: count)
    let handles = unsafe cmartlet_duckdb_vector_get_data(cmartlet_duckdb_data_chunk_get_vector(input, 0))
    guard let handle = unsafe handles?.assumingMemoryBound(to: Int64.self)[0], let collector = rows.collector(handle)
    else {
        unsafe cmartlet_duckdb_scalar_function_set_error(info, "nobody collects these rows")
        return
    }
    do {
        try collector.take(unsafe input)
    } catch {
        unsafe cmartlet_duckdb_scalar_function_set_error(info, "\(error)")
    }
}
