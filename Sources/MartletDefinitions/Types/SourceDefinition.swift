package import MartletCore

/// A stream of events of one kind, landed as the tables `bronze.NAME` and `silver.NAME`.
package struct SourceDefinition: Sendable, Hashable {
    package var about: About
    package var columns: [SourceColumn]
    /// The timestamp column that says when an event happened.
    package var eventTime: String
    /// The timestamp column that says when an event became known; nil means the moment of its ingestion.
    package var arrivalTime: String?
    /// The columns that identify an event: of equal ones the first to arrive is kept. Empty means that all rows count.
    package var id: [String]
    package var csv: CSVOptions
    /// What brings the events by itself; nil for files and pushing alone.
    package var origin: SourceOrigin?
    /// What a new version may change in the columns.
    package var compatibility: SchemaCompatibility
    /// Columns whose newest row says all: older ones with equal values may leave the log once they are in the tables.
    /// Empty keeps all.
    package var compactBy: [String]

    package init(
        about: About, columns: [SourceColumn], eventTime: String, arrivalTime: String? = nil, id: [String] = [],
        csv: CSVOptions = CSVOptions(), origin: SourceOrigin? = nil, compatibility: SchemaCompatibility = .none,
        compactBy: [String] = []
    ) {
        self.about = about
        self.columns = columns
        self.eventTime = eventTime
        self.arrivalTime = arrivalTime
        self.id = id
        self.csv = csv
        self.origin = origin
        self.compatibility = compatibility
        self.compactBy = compactBy
    }

    /// The declared columns as a schema. Tables add the system columns of `SystemColumn`.
    package var schema: Schema { Schema(columns.map { Field($0.name, $0.type, isNullable: $0.isNullable) }) }
}

package struct SourceColumn: Sendable, Hashable {
    package var name: String
    package var type: DataType
    package var isNullable: Bool
    /// For timestamps in text files: a `strptime` pattern such as `%y%m%d`; nil means RFC 3339 with a zone.
    package var format: String?
    /// The zone of a timestamp whose pattern has none, as an IANA name. Required together with such a pattern.
    package var zone: String?
    /// The name of the column in the files where it differs.
    package var from: String?
    /// One value for every row, of the column's type, where the files do not have the column.
    package var constant: Value?
    package var description: String

    package init(
        name: String, type: DataType, isNullable: Bool = true, format: String? = nil, zone: String? = nil,
        from: String? = nil, constant: Value? = nil, description: String = ""
    ) {
        self.name = name
        self.type = type
        self.isNullable = isNullable
        self.format = format
        self.zone = zone
        self.from = from
        self.constant = constant
        self.description = description
    }
}

/// How delimited text files of a source are read.
package struct CSVOptions: Sendable, Hashable {
    package var delimiter: String
    package var quote: String
    package var hasHeader: Bool
    /// The text that stands for null, beside the empty unquoted field.
    package var null: String?

    package init(delimiter: String = ",", quote: String = "\"", hasHeader: Bool = true, null: String? = nil) {
        self.delimiter = delimiter
        self.quote = quote
        self.hasHeader = hasHeader
        self.null = null
    }
}
