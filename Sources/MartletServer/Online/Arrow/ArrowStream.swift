internal import MartletCore
internal import MartletHTTP

/// Writes columns as an Arrow IPC stream of one record batch (Arrow columnar format 1.4, "IPC Streaming Format",
/// metadata version 5), uncompressed.
/// - Parameters:
///   - columns: all of `rowCount` values.
///   - notes: metadata of the schema.
func writeArrowStream(
    _ columns: [ArrowColumn], rowCount: Int, notes: [(String, String)], to writer: inout ByteWriter
) {
    let schema: [FlatValue] = [
        .int16(0), .tables(columns.map(\.field)), .tables(notes.map { [.text($0.0), .text($0.1)] }),
    ]
    writeMessage(kind: 1, schema, bodyBytes: 0, to: &writer)
    var body = ArrowBody()
    for column in columns { body.append(column) }
    let batch: [FlatValue] = [.int64(Int64(rowCount)), .pairs(body.nodes), .pairs(body.buffers)]
    writeMessage(kind: 3, batch, bodyBytes: body.bytes.count, to: &writer)
    writer.append(contentsOf: body.bytes)
    // The end of the stream.
    writer.append(contentsOf: [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0])
}

/// - Parameter kind: of the union `MessageHeader`: 1 a schema, 3 a record batch.
private func writeMessage(kind: UInt8, _ header: [FlatValue], bodyBytes: Int, to writer: inout ByteWriter) {
    // Version 4 of the enumeration is V5.
    var head = FlatWriter(root: [.int16(4), .uint8(kind), .table(header), .int64(Int64(bodyBytes))]).bytes
    while head.count % 8 != 0 { head.append(0) }
    writer.append(contentsOf: [0xFF, 0xFF, 0xFF, 0xFF])
    withUnsafeBytes(of: UInt32(head.count).littleEndian) { writer.append($0) }
    writer.append(contentsOf: head)
}
