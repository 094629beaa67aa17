import MartletCore
import MartletOnline

/// A store that gives the same record for every key of a view, but for every third.
final class FixedStore: OnlineStore {
    /// By view, in the order in which their handles count.
    private let records: [(view: ViewIdentity, record: [UInt8])]

    init(_ records: [(ViewIdentity, [UInt8])]) { self.records = records.map { (view: $0.0, record: $0.1) } }

    func handle(for view: ViewIdentity) throws -> ViewHandle {
        guard let index = records.firstIndex(where: { $0.view == view }) else { throw refused }
        return ViewHandle(number: UInt32(index))
    }

    func read(
        _ lookups: [RecordLookup], keys: [EntityKeys], into table: inout RecordTable,
        _ body: (borrowing RecordTable) throws -> Void
    ) throws {
        table.removeAll()
        // Copies, so that a read beyond a record is one beyond its memory.
        let copies = records.map { source in
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, source.record.count), alignment: 8)
            copy.copyBytes(from: source.record)
            return copy
        }
        defer { for copy in copies { copy.deallocate() } }
        for lookup in lookups {
            table.beginLookup()
            let source = Int(lookup.view.number)
            let record = UnsafeRawBufferPointer(rebasing: copies[source][..<records[source].record.count])
            for key in 0..<keys[lookup.keyIndex].uniqueCount { table.append(key % 3 == 2 ? nil : record) }
        }
        try body(table)
    }

    private var refused: MartletError { MartletError(.internalFault, "this store is only read") }

    func write(
        _ chunk: RecordChunk, keys: EntityKeys, order: ArraySlice<Int32>, to view: ViewHandle, cursor: LoadCursor?
    ) throws -> WriteCounts { throw refused }
    func cursor(of view: ViewIdentity) throws -> LoadCursor? { nil }
    func setCursor(_ cursor: LoadCursor, of view: ViewIdentity) throws { throw refused }
    func drop(_ view: ViewIdentity) throws { throw refused }
    func recordCount(of view: ViewIdentity) throws -> Int { 0 }
}
