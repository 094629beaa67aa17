/// The limits of a log, each with its default.
package struct LogSettings: Sendable {
    /// A segment that has reached this size is closed and a new one begun. What is read on opening is at most one.
    package var segmentBytes = 128 << 20
    /// What may wait to be written; beyond it appends end with `limitExceeded`.
    package var queueBytes = 64 << 20
    /// What is written with one call and one sync; an append that is larger is one group by itself.
    package var groupBytes = 8 << 20
    /// The events and bytes of one batch, and of the batches of one append.
    package var appendEvents = 1 << 20
    package var appendBytes = 32 << 20
    /// The distance between entries of a segment's index.
    package var indexBytes = 64 << 10
    package var dedupe = DedupeSettings()
    /// Whether how far the log is durable is told to other processes, which may then read it (`EventLog.reading`).
    package var isPublished = false
    /// What is broken on purpose; nil outside of tests of the simulator.
    package var defect: LogDefect?

    package init() {}
}
