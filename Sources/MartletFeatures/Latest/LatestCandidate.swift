/// The best row so far with its event time, so that a comparison needs no look at the columns unless times tie.
struct LatestCandidate: BitwiseCopyable {
    var eventTime: Int64
    /// -1 before the first row.
    var row: Int32

    static let none = LatestCandidate(eventTime: .min, row: -1)

    /// Takes `row` where it is later than the row before.
    @inline(__always)
    mutating func offer(_ row: Int, eventTime time: Int64, _ events: borrowing EventColumns) {
        if time > eventTime || (time == eventTime && isLaterInTie(row, than: Int(self.row), events)) {
            eventTime = time
            self.row = Int32(truncatingIfNeeded: row)
        }
    }
}
