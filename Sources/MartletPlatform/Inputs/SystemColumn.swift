internal import MartletCore

/// The columns that Martlet adds to the tables of a source. Their names start with an underscore, which no declared
/// name may.
enum SystemColumn {
    /// When the event became known: the source's arrival time, else the moment of ingestion.
    static let arrivalTime = Field("_arrival_time", .timestamp, isNullable: false)
    /// The event's place in the order of ingestion, counted from 0 over all ingestions of the source.
    static let position = Field("_position", .int64, isNullable: false)
    /// The ingestion that brought the event.
    static let batch = Field("_batch", .string, isNullable: false)

    static let all = [arrivalTime, position, batch]
}
