internal import MartletCore

/// DuckDB's text of an error, taken apart.
struct EngineFailure {
    /// DuckDB's class of error, `Conversion`; empty where it says none.
    private let kind: String
    private let body: Substring

    /// Longer texts hold a long value, whose end would be taken for DuckDB's own words.
    private static let largestBytes = 65_536
    private static let wrapper = "Attempting to execute an unsuccessful or closed pending query result\nError: "
    private static let sqlKinds: Set = [
        "Binder", "Catalog", "Missing Extension", "Parameter Not Allowed", "Parameter Not Resolved", "Parser",
        "Permission", "Settings", "Syntax",
    ]
    private static let systemKinds: Set = ["FATAL", "INTERNAL", "IO", "TransactionContext"]
    private static let dataKinds: Set = [
        "Constraint", "Conversion", "Decimal", "Divide by Zero", "Executor", "Expression", "HTTP", "Invalid",
        "Invalid Input", "Invalid type", "Mismatch Type", "Not implemented", "Object Size", "Out of Range", "Sequence",
        "Serialization",
    ]
    private static let otherKinds: Set = ["INTERRUPT", "Out of Memory"]

    init(_ text: String) {
        let known = Self.sqlKinds.union(Self.systemKinds).union(Self.dataKinds).union(Self.otherKinds)
        var rest = text[...]
        var kind = ""
        func takeKind() {
            guard let end = rest.firstRange(of: " Error: "), known.contains(String(rest[..<end.lowerBound])) else {
                return
            }
            kind = String(rest[..<end.lowerBound])
            rest = rest[end.upperBound...]
        }
        takeKind()
        if rest.hasPrefix(Self.wrapper) {
            rest = rest.dropFirst(Self.wrapper.count)
            takeKind()
        }
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        self.kind = kind
        body = text.utf8.count > Self.largestBytes ? "" : rest
    }

    var error: MartletError {
        if body.hasPrefix(refusalMark) {
            return MartletError(.invalidInput, String(body.dropFirst(refusalMark.count)))
        }
        switch kind {
        case "INTERRUPT": return MartletError(.cancelled, "DuckDB was interrupted")
        case "Out of Memory":
            return MartletError(
                .limitExceeded, "DuckDB is out of memory: \(firstLine)", fix: "raise limits.memory in martlet.yaml")
        case _ where Self.sqlKinds.contains(kind):
            return MartletError(.invalidDefinition, "SQL that DuckDB refuses: \(kind) Error: \(wordsAboutSQL)")
        case _ where Self.systemKinds.contains(kind):
            if body.contains("No space left on device") || body.contains("Disk quota exceeded") {
                return MartletError(.diskFull, "IO Error: the disk is full", fix: "free disk space and run it again")
            }
            if let error = damage { return error }
            return kind == "IO"
                ? MartletError(.fileSystem, "IO Error: \(withoutPartitions(firstLine))")
                : MartletError(.internalFault, unexplained)
        default: return damage ?? faultOfData
        }
    }

    private var firstLine: Substring { body.prefix { $0 != "\n" } }

    private var unexplained: String {
        "DuckDB reports \(kind.isEmpty ? "an error" : "\(kind) Error"), whose text may hold values and is left out"
    }
}

// Errors about SQL and files.
extension EngineFailure {
    private static let excerptStart = "\n\nLINE "

    /// The first paragraph, which names tables, columns and functions, and the excerpt where it shows no literal.
    private var wordsAboutSQL: String {
        var words = body.firstRange(of: Self.excerptStart).map { body[..<$0.lowerBound] } ?? body
        // A parser stops at a literal as at any word.
        if kind == "Parser" || kind == "Syntax" { words = words.prefix { $0 != "'" } }
        let excerpt = body[words.endIndex...]
        if excerpt.hasPrefix(Self.excerptStart), !excerpt.contains("'") { words = body }
        return String(decoding: words.utf8.prefix(2_000), as: UTF8.self)
    }

    /// A path as it is, but for the values in the names of a partition's folders (`day=2026-05-01`).
    private func withoutPartitions(_ text: Substring) -> String {
        text.split(separator: "/", omittingEmptySubsequences: false).map { part in
            guard let sign = part.firstIndex(of: "=") else { return String(part) }
            return part[...sign] + "…"
        }.joined(separator: "/")
    }

    /// nil where the text is not about a damaged Parquet file.
    private var damage: MartletError? {
        let isDamage =
            [
                "Failed to read Parquet", "Invalid Parquet", "Invalid string encoding found in Parquet file",
                "No magic bytes found", "Out of buffer", "Prefetch registered for bytes outside file",
                "Snappy decompression", "TProtocolException", "ZSTD Decompression", "don't know what type",
            ].contains { body.hasPrefix($0) }
            || body.hasPrefix("Failed to read file \"") && firstLine.contains("ecompression")
            || body.hasPrefix("File '") && firstLine.contains("too small to be a Parquet file")
        guard isDamage else { return nil }
        return MartletError(
            .corruptData, "the Parquet file\(quotedFile.map { " \($0)" } ?? "") is damaged or incomplete",
            fix: "write it again")
    }

    /// What stands in quotes behind the first word `file`.
    private var quotedFile: String? {
        guard let word = firstLine.firstRange(of: "ile "), case let rest = firstLine[word.upperBound...],
            let quote = rest.first, quote == "'" || quote == "\"", let end = rest.dropFirst().firstIndex(of: quote)
        else { return nil }
        return withoutPartitions(rest[rest.index(after: rest.startIndex)..<end])
    }
}

// Errors that met data.
extension EngineFailure {
    private var faultOfData: MartletError {
        if let error = faultOfCSV ?? faultOfJSON { return error }
        let code: MartletError.Code = kind == "Conversion" ? .typeMismatch : .invalidInput
        guard let reason else { return MartletError(code, unexplained) }
        return MartletError(code, "\(kind) Error: \(reason)")
    }

    /// `CSV Error on Line: 7 / Original Line: … / reason / … / file = …`
    private var faultOfCSV: MartletError? {
        let head = "CSV Error on Line: "
        guard body.hasPrefix(head) else { return nil }
        let line = Int(body.dropFirst(head.count).prefix { $0.isASCII && $0.isNumber })
        let file = body.ranges(of: "\n  file = ").last.map { body[$0.upperBound...].prefix { $0 != "\n" } }
        let reason =
            if let (wanted, found) = columnCounts {
                "has \(found) columns instead of \(wanted)"
            } else if body.contains("\nValue with unterminated quote") {
                "has a quote that is not closed"
            } else if body.contains("\nInvalid unicode") {
                "is not UTF-8"
            } else if body.contains("\nError when converting column") {
                "has a value that does not fit its column's type"
            } else {
                "cannot be taken apart"
            }
        return MartletError(
            kind == "Conversion" ? .typeMismatch : .invalidInput,
            "line \(line.map(String.init) ?? "?") of the CSV file \(reason)",
            place: file.map { .init(file: String($0), line: line) })
    }

    /// `Expected Number of Columns: 2 Found: 3`
    private var columnCounts: (wanted: Int, found: Int)? {
        guard let start = body.firstRange(of: "\nExpected Number of Columns: ") else { return nil }
        let words = body[start.upperBound...].prefix { $0 != "\n" }.split(separator: " ")
        guard words.count >= 3, words[1] == "Found:", let wanted = Int(words[0]), let found = Int(words[2]) else {
            return nil
        }
        return (wanted, found)
    }

    /// `Malformed JSON in file "…", at byte 27 in line 3: …`
    private var faultOfJSON: MartletError? {
        let isMalformed = body.hasPrefix("Malformed JSON in file \"")
        guard isMalformed || body.hasPrefix("JSON transform error in file \""),
            let start = body.firstRange(of: " in line ")
        else { return nil }
        let line = Int(body[start.upperBound...].prefix { $0.isASCII && $0.isNumber })
        return MartletError(
            isMalformed ? .invalidInput : .typeMismatch,
            "line \(line.map(String.init) ?? "?") of the JSON file "
                + (isMalformed ? "is no JSON" : "has a value that does not fit its column's type"),
            place: quotedFile.map { .init(file: $0, line: line) })
    }

    /// In our words; nil for what is not recognized.
    private var reason: String? {
        let column = sourceColumn.map { " (column \($0))" } ?? ""
        if body.hasPrefix("Overflow in ") {
            let words = firstLine.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == " ") }
            return words.split(separator: " ").prefix(5).joined(separator: " ").lowercased() + column
        }
        if let known = Self.reasons.first(where: { body.hasPrefix($0.start) }) { return known.reason + column }
        guard kind == "Conversion" else { return nil }
        return targetType.map { "a value does not fit the type \($0)\(column)" }
    }

    private static let reasons: [(start: String, reason: String)] = [
        ("Could not parse string", "a text does not have the given format"),
        ("Duplicate key", "a key is there twice"),
        ("Error when sniffing file", "the CSV file's columns are not recognized"),
        ("Malformed JSON", "a text is no JSON"),
        ("Map keys must be unique", "a map has a key twice"),
        ("More than one row returned by a subquery", "a subquery for one value gave several rows"),
        ("date field value out of range", "a text is no date"),
        ("invalid date field format", "a text is no date"),
        ("invalid timestamp field format", "a text is no timestamp"),
        ("timestamp field value out of range", "a text is no timestamp"),
    ]

    private static let types: Set = [
        "BIGINT", "BIT", "BLOB", "BOOL", "BOOLEAN", "DATE", "DECIMAL", "DOUBLE", "ENUM", "FLOAT", "HUGEINT", "INT128",
        "INT16", "INT32", "INT64", "INT8", "INTEGER", "INTERVAL", "JSON", "LIST", "MAP", "SMALLINT", "STRUCT", "TIME",
        "TIMESTAMP", "TINYINT", "UBIGINT", "UHUGEINT", "UINT128", "UINT16", "UINT32", "UINT64", "UINT8", "UINTEGER",
        "UNION", "USMALLINT", "UTINYINT", "UUID", "VARCHAR",
    ]

    /// The text without the excerpt of the SQL, and whether there was one.
    private var unquoted: (words: Substring, hadExcerpt: Bool) {
        // The excerpt is one line of the query, with a caret below.
        guard body.hasSuffix("^"), let start = body.ranges(of: Self.excerptStart).last else { return (body, false) }
        return (body[..<start.lowerBound], true)
    }

    /// `… when casting from source column m`, which DuckDB says only before an excerpt.
    private var castClause: Range<Substring.Index>? {
        let (words, hadExcerpt) = unquoted
        guard hadExcerpt, let clause = words.ranges(of: " when casting from source column ").last else { return nil }
        // Behind a value that has these words in it comes its quote.
        return words[clause.upperBound...].contains { "'\":\n".contains($0) } ? nil : clause
    }

    private var sourceColumn: String? { castClause.map { String(unquoted.words[$0.upperBound...]) } }

    /// The last word of `Could not convert string '…' to INT32`, where it is a type.
    private var targetType: String? {
        let words = castClause.map { unquoted.words[..<$0.lowerBound] } ?? unquoted.words
        guard let last = words.split(separator: " ").last else { return nil }
        let base = last.prefix { $0.isASCII && ($0.isLetter || $0.isNumber) }
        let rest = last[base.endIndex...]
        guard Self.types.contains(String(base)), rest.allSatisfy({ "0123456789,()[]".contains($0) }) else { return nil }
        return String(last)
    }
}
