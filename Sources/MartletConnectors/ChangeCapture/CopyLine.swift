internal import MartletCore

/// Reads a line of `COPY … TO STDOUT` in its text format (manual, COPY).
enum CopyLine {
    /// - Throws: `corruptData` where it has another number of columns than the table.
    static func row(_ line: UnsafeRawBufferPointer, of table: RawTable) throws(MartletError) -> RawRow {
        var end = line.count
        if end > 0, line[end - 1] == UInt8(ascii: "\n") { end -= 1 }
        var row = RawRow(table)
        row.reserveCapacity(table.columns.count, bytes: end)
        var start = 0
        for index in table.columns.indices {
            var stop = start
            var isEscaped = false
            while stop < end, line[stop] != UInt8(ascii: "\t") {
                if line[stop] == UInt8(ascii: "\\") { isEscaped = true }
                stop += 1
            }
            guard (stop == end) == (index == table.columns.count - 1) else {
                throw MartletError(.corruptData, "a row of the copied table has another number of columns")
            }
            let field = UnsafeRawBufferPointer(rebasing: line[start..<stop])
            if !isEscaped {
                row.append(text: field)
            } else if field.count == 2, field[1] == UInt8(ascii: "N") {
                row.appendNull()
            } else {
                row.append(text: unescaped(field))
            }
            start = stop + 1
        }
        return row
    }

    private static func unescaped(_ field: UnsafeRawBufferPointer) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(field.count)
        var index = 0
        while index < field.count {
            let byte = field[index]
            index += 1
            guard byte == UInt8(ascii: "\\"), index < field.count else {
                bytes.append(byte)
                continue
            }
            switch field[index] {
            case UInt8(ascii: "b"): bytes.append(8)
            case UInt8(ascii: "f"): bytes.append(12)
            case UInt8(ascii: "n"): bytes.append(10)
            case UInt8(ascii: "r"): bytes.append(13)
            case UInt8(ascii: "t"): bytes.append(9)
            case UInt8(ascii: "v"): bytes.append(11)
            case let other: bytes.append(other)
            }
            index += 1
        }
        return bytes
    }
}
