import MartletCore

/// The payments that come in episodes: all the fraud, the honest visits that belong to it, and honest episodes that
/// look like it. Drawn at the start, in memory proportional to the fraud (about 100 bytes a row), and woven into the
/// ordinary payments by arrival time.
struct EpisodePlan: Sendable {
    /// By arrival; `identity` and `refundOf` are rows of the file.
    let payments: [PaymentDraft]
    /// How many ordinary payments arrive before each planned one; never falls.
    private let ordinaryBefore: [Int]

    var count: Int { payments.count }

    /// - Parameters:
    ///   - drafts: in any order; `identity` is the index in this array of the payment whose id the row carries.
    ///   - ordinary: what they are woven into.
    init(weaving drafts: [PaymentDraft], into ordinary: OrdinaryPayments) {
        // The index decides between equal arrivals, so that a duplicate never comes before its original.
        let order = drafts.indices.sorted { (drafts[$0].arrival, $0) < (drafts[$1].arrival, $1) }
        var before: [Int] = []
        before.reserveCapacity(order.count)
        var rowOfDraft = [Int](repeating: 0, count: drafts.count)
        var cell = 0
        for (rank, index) in order.enumerated() {
            let arrival = drafts[index].arrival
            var count = Int(ordinary.timeline.fraction(at: arrival) * Double(ordinary.count))
            count = min(max(count, 0), ordinary.count)
            while count > 0, ordinary.arrival(count - 1, near: &cell) >= arrival { count -= 1 }
            while count < ordinary.count, ordinary.arrival(count, near: &cell) < arrival { count += 1 }
            // Ordinary arrivals rise, but for payments in the same microsecond.
            count = max(count, before.last ?? 0)
            before.append(count)
            rowOfDraft[index] = count + rank
        }
        payments = order.map { index in
            var draft = drafts[index]
            draft.identity = rowOfDraft[draft.identity]
            return draft
        }
        ordinaryBefore = before
    }

    /// The row of the file that planned payment `index` becomes.
    func row(ofPlanned index: Int) -> Int { ordinaryBefore[index] + index }

    /// The row of the file that ordinary payment `index` becomes. O(log planned).
    func row(ofOrdinary index: Int) -> Int {
        firstIndex { ordinaryBefore[$0] > index } + index
    }

    /// The first planned payment at or after a row of the file. O(log planned).
    func firstPlanned(atOrAfter row: Int) -> Int {
        firstIndex { ordinaryBefore[$0] + $0 >= row }
    }

    /// - Parameter predicate: false, then true.
    private func firstIndex(where predicate: (Int) -> Bool) -> Int {
        var low = 0
        var high = ordinaryBefore.count
        while low < high {
            let middle = (low + high) / 2
            if predicate(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
