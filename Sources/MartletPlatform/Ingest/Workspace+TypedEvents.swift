internal import MartletConnectors
internal import MartletCore
internal import MartletDefinitions
internal import MartletQuery

extension Workspace {
    /// Events of a source with zones or patterns of its own, read by the engine from their texts, as files are.
    func typedEvents(_ events: DecodedEvents, _ decoder: EventDecoder) throws -> (DecodedEvents, [DecodedEvents.Misfit])
    {
        let definition = decoder.source
        let connection = try engine.connect()
        try connection.register(
            "pushed", RecordBatch(schema: decoder.schema, columns: events.columns))
        try stage(
            definition, InputRelation(sql: "pushed", connection: connection), place: nil, connection)
        let names = definition.columns.map { quotedIdentifier($0.name) }.joined(separator: ", ")
        let rows = try connection.query(
            "SELECT \(names), \(quotedIdentifier(definition.eventTime)) AS _event_time, _arrival_time, "
                + "_row::INTEGER AS _row FROM staged WHERE _reason = '' ORDER BY _row")
        guard case .timestamp(let eventTimes)? = rows["_event_time"]?.values,
            case .timestamp(let arrivalTimes)? = rows["_arrival_time"]?.values,
            case .int32(let numbers)? = rows["_row"]?.values
        else { preconditionFailure("the staged rows have times and numbers") }
        let bad = try connection.query(
            "SELECT _row::INTEGER, _reason, _original FROM staged WHERE _reason <> '' ORDER BY _row")
        let refused = (0..<bad.rowCount).map { row in
            DecodedEvents.Misfit(
                message: Int(events.messages[Int(bad.columns[0][row].number ?? 0)]),
                reason: bad.columns[1][row].description, original: Array(bad.columns[2][row].description.utf8))
        }
        return (
            DecodedEvents(
                columns: Array(rows.columns.prefix(definition.columns.count)), eventTimes: eventTimes,
                arrivalTimes: arrivalTimes, operations: numbers.map { events.operations[Int($0)] },
                messages: numbers.map { events.messages[Int($0)] }), refused
        )
    }
}
