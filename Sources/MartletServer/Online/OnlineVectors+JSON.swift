internal import MartletCore
internal import MartletHTTP
internal import MartletOnline

extension OnlineVectors {
    /// One object a row, with its values in the order of `features`.
    func writeRows(to writer: inout ByteWriter) {
        writeHead(to: &writer)
        writer.append(",\"features\":[")
        for (index, output) in call.plan.outputs.enumerated() {
            if index > 0 { writer.append(UInt8(ascii: ",")) }
            writeFeature(output, to: &writer)
            writer.append("}")
        }
        writer.append("],\"rows\":[")
        let columns = call.plan.outputs.indices.map { column($0) }
        for row in 0..<call.rowCount {
            if row > 0 { writer.append(UInt8(ascii: ",")) }
            writer.append("{\"entities\":{")
            for (index, entity) in call.entities.enumerated() {
                if index > 0 { writer.append(UInt8(ascii: ",")) }
                writer.appendJSON(entity.name)
                writer.append(":")
                entity.column.appendJSON(row, to: &writer)
            }
            writer.append("},\"values\":[")
            writeList(columns.indices, to: &writer) { append(columns[$0], row, to: &$1) }
            writer.append("],\"statuses\":[")
            writeList(columns.indices, to: &writer) { writeStatus($0, row, to: &$1) }
            writer.append("],\"ages\":[")
            writeList(columns.indices, to: &writer) { writeAge($0, row, to: &$1) }
            writer.append("]")
            if call.hasRowSnapshots {
                writer.append(",\"snapshot\":")
                writer.appendJSON(snapshot(row..<row + 1).text)
            }
            writer.append("}")
        }
        writer.append("]}")
    }

    /// One object a feature, with its values in the order of the rows.
    func writeColumns(to writer: inout ByteWriter) {
        writeHead(to: &writer)
        writer.append(",\"entities\":{")
        for (index, entity) in call.entities.enumerated() {
            if index > 0 { writer.append(UInt8(ascii: ",")) }
            writer.appendJSON(entity.name)
            writer.append(":[")
            writeList(0..<call.rowCount, to: &writer) { entity.column.appendJSON($0, to: &$1) }
            writer.append("]")
        }
        writer.append("}")
        if call.hasRowSnapshots {
            writer.append(",\"snapshots\":[")
            writeList(0..<call.rowCount, to: &writer) { $1.appendJSON(snapshot($0..<$0 + 1).text) }
            writer.append("]")
        }
        writer.append(",\"features\":[")
        for (index, output) in call.plan.outputs.enumerated() {
            if index > 0 { writer.append(UInt8(ascii: ",")) }
            writeFeature(output, to: &writer)
            let column = column(index)
            writer.append(",\"values\":[")
            writeList(0..<call.rowCount, to: &writer) { append(column, $0, to: &$1) }
            writer.append("],\"statuses\":[")
            writeList(0..<call.rowCount, to: &writer) { writeStatus(index, $0, to: &$1) }
            writer.append("],\"ages\":[")
            writeList(0..<call.rowCount, to: &writer) { writeAge(index, $0, to: &$1) }
            writer.append("]}")
        }
        writer.append("]}")
    }

    private func writeHead(to writer: inout ByteWriter) {
        writer.append("{\"snapshot\":")
        writer.appendJSON(snapshot(0..<call.rowCount).text)
        writer.append(",\"served_at\":")
        writer.appendJSON(instant)
        writer.append(",\"revision\":")
        writer.append(decimal: call.plan.revision)
        writer.append(",\"stale\":")
        writer.appendJSON(isStale)
        writer.append(",\"partial\":")
        writer.appendJSON(isPartial)
        guard call.plan.services.count > 1 else { return }
        writer.append(",\"services\":{")
        for (index, service) in call.plan.services.enumerated() {
            if index > 0 { writer.append(UInt8(ascii: ",")) }
            writer.appendJSON(service.name)
            writer.append(":[")
            writeList(service.outputs, to: &writer) { $1.append(decimal: Int64($0)) }
            writer.append("]")
        }
        writer.append("}")
    }

    /// Without the brace that ends it.
    private func writeFeature(_ output: NamedPlan.Output, to writer: inout ByteWriter) {
        writer.append("{\"name\":")
        writer.appendJSON(output.name)
        writer.append(",\"type\":")
        writer.appendJSON(output.type.rawValue)
        writer.append(",\"version\":")
        writer.append(decimal: Int64(output.version))
    }

    private func append(_ column: Column?, _ row: Int, to writer: inout ByteWriter) {
        guard let column else { return writer.append("null") }
        column.appendJSON(row, to: &writer)
    }

    private func writeStatus(_ output: Int, _ row: Int, to writer: inout ByteWriter) {
        writer.append(UInt8(ascii: "\""))
        writer.append(status(output, row).name)
        writer.append(UInt8(ascii: "\""))
    }

    /// Seconds since the event that the value is of.
    private func writeAge(_ output: Int, _ row: Int, to writer: inout ByteWriter) {
        guard let time = eventTime(output, row) else { return writer.append("null") }
        writer.append(decimal: Double((instant - time).microseconds) / 1e6)
    }

    private func writeList(
        _ items: some Sequence<Int>, to writer: inout ByteWriter, _ body: (Int, inout ByteWriter) -> Void
    ) {
        var isFirst = true
        for item in items {
            if !isFirst { writer.append(UInt8(ascii: ",")) }
            isFirst = false
            body(item, &writer)
        }
    }
}

extension Column {
    /// A value as JSON: times in RFC 3339, bytes in base64, NaN and infinities as texts.
    func appendJSON(_ row: Int, to writer: inout ByteWriter) {
        if isNull(row) { return writer.append("null") }
        switch values {
        case .bool(let array): writer.appendJSON(array[row])
        case .int32(let array): writer.append(decimal: Int64(array[row]))
        case .int64(let array): writer.append(decimal: array[row])
        case .float32(let array): writer.appendJSON(Double(array[row]))
        case .float64(let array): writer.appendJSON(array[row])
        case .timestamp(let array): writer.appendJSON(Timestamp(microseconds: array[row]))
        case .string(let strings): strings.slice(row).withUnsafeBytes { writer.appendJSON(utf8: $0) }
        case .bytes(let strings): strings.slice(row).withUnsafeBytes { writer.appendJSON(base64: $0) }
        case .list(let lists):
            writer.append(UInt8(ascii: "["))
            for (index, element) in lists.range(row).enumerated() {
                if index > 0 { writer.append(UInt8(ascii: ",")) }
                lists.elements.appendJSON(element, to: &writer)
            }
            writer.append(UInt8(ascii: "]"))
        case .map(let maps):
            writer.append(UInt8(ascii: "{"))
            for (index, entry) in maps.range(row).enumerated() {
                if index > 0 { writer.append(UInt8(ascii: ",")) }
                maps.keys.slice(entry).withUnsafeBytes { writer.appendJSON(utf8: $0) }
                writer.append(UInt8(ascii: ":"))
                maps.values.appendJSON(entry, to: &writer)
            }
            writer.append(UInt8(ascii: "}"))
        }
    }
}
