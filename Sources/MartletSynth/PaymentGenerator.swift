package import MartletCore

/// Synthetic card payments with labelled fraud, as batches in the order of their arrival.
///
/// A batch is a pure function of the settings and its number, so batches may be made on any thread and in any order.
/// Rows of the file are numbered from 0; a payment's id is the number of its first row plus 1. Making it costs time
/// and memory in proportion to the entities and to the fraudulent rows; a batch takes about 50 ms (v2, one core) and
/// 15 MB.
package struct PaymentGenerator: Sendable {
    package static let standardRowsPerBatch = 65_536

    /// Rows drafted before they are written into columns.
    private static let rowsPerPass = 256

    package let settings: PaymentSettings
    /// In every batch but the last. The rows of the file do not depend on it.
    package let rowsPerBatch: Int
    let catalogue: PaymentCatalogue
    private let ordinary: OrdinaryPayments
    private let plan: EpisodePlan

    /// - Throws: `invalidSettings`, `limitExceeded`; see `PaymentSettings.validate`.
    package init(settings: PaymentSettings, rowsPerBatch: Int = standardRowsPerBatch) throws {
        precondition(rowsPerBatch > 0, "a batch has rows")
        try settings.validate()
        self.settings = settings
        self.rowsPerBatch = rowsPerBatch
        catalogue = PaymentCatalogue(settings)
        let timeline = SeasonalTimeline(start: settings.start, end: settings.end, isSeasonal: settings.realism == .v2)
        var drafting = EpisodeDrafting(settings, catalogue: catalogue, timeline: timeline)
        let drafts = drafting.draw(maximum: settings.rows)
        ordinary = OrdinaryPayments(
            settings, catalogue: catalogue, timeline: timeline, count: settings.rows - drafts.count)
        plan = EpisodePlan(weaving: drafts, into: ordinary)
    }

    package var schema: Schema { PaymentColumns.schema }

    package var batchCount: Int { (settings.rows + rowsPerBatch - 1) / rowsPerBatch }

    /// The rows of the file in batch `index`.
    package func rows(ofBatch index: Int) -> Range<Int> {
        let first = index * rowsPerBatch
        return first..<min(first + rowsPerBatch, settings.rows)
    }

    /// - Precondition: `index` is in `0..<batchCount`.
    package func batch(_ index: Int) -> RecordBatch {
        precondition((0..<batchCount).contains(index), "there are \(batchCount) batches")
        let rows = rows(ofBatch: index)
        var columns = PaymentColumns(rows: rows.count)
        var planned = plan.firstPlanned(atOrAfter: rows.lowerBound)
        var nextPlanned = planned < plan.count ? plan.row(ofPlanned: planned) : Int.max
        var cell = 0
        var drafts: [PaymentDraft] = []
        drafts.reserveCapacity(Self.rowsPerPass)
        for row in rows {
            if drafts.count == Self.rowsPerPass {
                columns.append(drafts, catalogue)
                drafts.removeAll(keepingCapacity: true)
            }
            if row == nextPlanned {
                drafts.append(plan.payments[planned])
                planned += 1
                nextPlanned = planned < plan.count ? plan.row(ofPlanned: planned) : Int.max
                continue
            }
            var draft = ordinary.draft(row - planned, near: &cell)
            draft.identity = draft.identity == row - planned ? row : plan.row(ofOrdinary: draft.identity)
            if draft.refundOf >= 0 { draft.refundOf = plan.row(ofOrdinary: draft.refundOf) }
            drafts.append(draft)
        }
        columns.append(drafts, catalogue)
        return columns.batch()
    }
}
