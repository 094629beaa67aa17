import MartletCore

/// The latest row of an entity so far.
protocol RowCandidate: BitwiseCopyable, SendableMetatype {
    static var none: Self { get }
    /// Whether it is for rows that ascend by event time.
    static var ascends: Bool { get }
    /// -1 before the first row.
    var row: Int32 { get }

    /// Takes `row` where it is later than the row before.
    /// - Parameters:
    ///   - time: its event time.
    ///   - firstOfTime: the first of the rows at hand that have this event time, where rows ascend by it.
    mutating func offer(_ row: Int, eventTime time: Int64, firstOfTime: Int, _ events: borrowing EventColumns)
}

/// With its event time, so that a comparison needs no look at the columns unless times tie.
struct LatestCandidate: RowCandidate {
    var eventTime: Int64
    var row: Int32

    static let none = LatestCandidate(eventTime: .min, row: -1)
    static let ascends = false

    @inline(__always)
    mutating func offer(_ row: Int, eventTime time: Int64, _ events: borrowing EventColumns) {
        if time > eventTime || (time == eventTime && isLaterInTie(row, than: Int(self.row), events)) {
            eventTime = time
            self.row = Int32(truncatingIfNeeded: row)
        }
    }

    @inline(__always)
    mutating func offer(_ row: Int, eventTime time: Int64, firstOfTime: Int, _ events: borrowing EventColumns) {
        offer(row, eventTime: time, events)
    }
}

/// Of rows that ascend by event time, where only those of one time need to be compared: a quarter of the memory, which
/// is visited in no order.
struct AscendingCandidate: RowCandidate {
    var row: Int32

    static let none = AscendingCandidate(row: -1)
    static let ascends = true

    @inline(__always)
    mutating func offer(_ row: Int, eventTime: Int64, firstOfTime: Int, _ events: borrowing EventColumns) {
        if Int(self.row) >= firstOfTime && !isLaterInTie(row, than: Int(self.row), events) { return }
        self.row = Int32(truncatingIfNeeded: row)
    }
}
