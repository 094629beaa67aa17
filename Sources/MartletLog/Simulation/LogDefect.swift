/// A promise that the log is made to break on purpose, so that tests can tell whether the simulator would notice. Set
/// by such tests alone.
package enum LogDefect: String, Sendable, CaseIterable {
    /// Groups are acknowledged and never synced.
    case skipsSync
    /// A group is synced only when the next one is written.
    case acknowledgesBeforeSync
    /// A new segment's name is not made durable.
    case skipsFolderSync
    /// Opening takes events as they are, without a look at their checksums.
    case ignoresChecksums
    /// Opening is off by one: it leaves out the last append.
    case leavesOutLastAppend
    /// Opening takes what there is of an append whose end is missing.
    case takesPartsOfAppends
    /// What a failed sync has left in the system's memory is taken for durable.
    case trustsLastGroup
    /// Opening does not look for duplicates in what was stored before.
    case forgetsMarks
    /// A new segment does not repeat the positions of all streams.
    case losesPositions
    /// A committed offset is not synced.
    case commitsWithoutSync
    /// Compaction puts the new segment in its place before it is synced.
    case compactsWithoutSync
    /// Compaction keeps the oldest event of a key instead of the newest.
    case compactsTheNewest
}
