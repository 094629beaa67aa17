internal import MartletCore

/// The columns that Martlet adds to the tables of a source. Their names start with an underscore, which no declared
/// name may.
enum SystemColumn {
    /// When the event became known: the source's arrival time, else the moment of ingestion.
    static let arrivalTime = Field("_arrival_time", .timestamp, isNullable: false)
    /// The event's offset in the log.
    static let position = Field("_position", .int64, isNullable: false)
    /// The connector's stream that brought the event: `files:…`, a topic's partition, `push`.
    static let batch = Field("_batch", .string, isNullable: false)
    /// In bronze alone: `insert`, `update` or `delete`.
    static let operation = Field("_operation", .string, isNullable: false)

    static let all = [arrivalTime, position, batch]
}
