/// Which state of an entity a record holds, as its header tells: enough to find again what it was made from.
package struct RecordMark: Sendable, Hashable {
    package enum Kind: UInt8, Sendable {
        /// No record, or that of a deletion.
        case nothing = 0
        case latest, tiles
    }

    package let kind: Kind
    /// As in `RecordHeader`; microseconds. 0 where there is no record.
    package let eventTime: Int64
    package let createdTime: Int64
    /// The log position of a row; of tiles, up to which event time they are complete.
    package let position: Int64
    /// Where the view follows the log, events with a smaller offset are counted; else 0.
    package let mark: Int64

    package static let nothing = RecordMark(kind: .nothing, eventTime: 0, createdTime: 0, position: 0, mark: 0)

    package init(kind: Kind, eventTime: Int64, createdTime: Int64, position: Int64, mark: Int64) {
        self.kind = kind
        self.eventTime = eventTime
        self.createdTime = createdTime
        self.position = position
        self.mark = mark
    }

    /// Does not check the record against its checksum: whoever serves its values does.
    package init(_ record: UnsafeRawBufferPointer?) {
        guard let record, let header = try? RecordHeader(unverified: record), !header.isTombstone else {
            self = .nothing
            return
        }
        self.init(
            kind: header.kind == .latest ? .latest : .tiles, eventTime: header.eventTime,
            createdTime: header.createdTime, position: header.position, mark: header.mark)
    }

    /// Whether this is of a later state than `other`, of the same view.
    package func isLater(than other: RecordMark) -> Bool { order > other.order }

    private var order: (Int64, Int64, Int64, Int64) {
        switch kind {
        case .nothing: (.min, 0, 0, 0)
        case .latest: (mark, eventTime, createdTime, position)
        case .tiles: (mark, position, createdTime, eventTime)
        }
    }
}
