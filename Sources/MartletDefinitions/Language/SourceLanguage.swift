internal import MartletCore

extension DefinitionLanguage {
    static let source = ObjectShape(
        "a source", "Events of one kind, landed as the tables bronze.NAME and silver.NAME.",
        named(.source, "The name of the source.") + [
            MemberShape(
                "columns", .map(.either([columnType, .object(column)])), isRequired: true,
                "Each column with its type."),
            MemberShape(
                "event_time", .name, isRequired: true, "The timestamp column that says when an event happened."),
            MemberShape(
                "arrival_time", .name,
                "The timestamp column that says when an event became known; without it, the moment of ingestion."),
            MemberShape("id", names, "The columns that identify an event: of equal ones the first to arrive is kept."),
            MemberShape(
                "compatibility", .choice(SchemaCompatibility.allCases.map(\.rawValue)),
                "What a new version may change in the columns: none (without it, anything), backward, forward or full."
            ),
            MemberShape(
                "compact_by", names,
                "The columns whose newest row says all: older ones leave the log after limits.compact_after."),
            MemberShape("csv", .object(csv), "How delimited text files of the source are read."),
            MemberShape(
                "from", .object(origin), "What brings the events by itself: a topic, a queue, or a table's changes."),
        ])

    static let column = ObjectShape(
        "a column", "A column of a source.",
        [
            MemberShape("type", columnType, isRequired: true, "The type of the column."),
            MemberShape("nullable", .boolean, "Whether values may be missing; true without it."),
            MemberShape(
                "format", .text, "For timestamps in text files: a strptime pattern such as %y%m%d; without it RFC 3339."
            ),
            MemberShape("zone", .text, "The time zone of a pattern that has none, as an IANA name such as UTC."),
            MemberShape("from", .text, "The name of the column in the files where it differs."),
            MemberShape("constant", .scalar, "One value for every row, for what the files do not have."),
            MemberShape("description", .text, "What it is, for a person."),
        ], needs: [("zone", "format")])

    static let csv = ObjectShape(
        "csv", "How delimited text files are read.",
        [
            MemberShape("delimiter", .character, "The character between fields; a comma without it."),
            MemberShape(
                "quote", .character, "The character around fields; a double quote without it, none where empty."),
            MemberShape("header", .boolean, "Whether the first line names the columns; true without it."),
            MemberShape("null", .anyText, "The text that stands for a missing value, beside the empty unquoted field."),
        ])
}

extension SourceDefinition {
    /// - Returns: nil where the object has faults; those of its shape are reported already.
    init?(_ object: CheckedObject, about: About, faults: inout FaultList) {
        let before = faults.faults.count
        let columns = (object["columns"]?.map ?? []).compactMap { SourceColumn($0, faults: &faults) }
        let areComplete = object.isWhole && columns.count == object["columns"]?.map?.count

        func column(_ name: String, at place: MartletError.Place, as type: DataType?, for use: String) {
            guard areComplete else { return }
            guard let column = columns.first(where: { $0.name == name }) else {
                faults.add(
                    "\(use) `\(name)` is not a column of source \(about.name)", at: place,
                    fix: suggestion(for: name, among: columns.map(\.name)), .missingColumn)
                return
            }
            if let type, column.type != type {
                faults.add(
                    "\(use) `\(name)` is of type \(column.type), not \(type)", at: place,
                    fix: suggestion(for: name, among: columns.filter { $0.type == type }.map(\.name)), .typeMismatch)
            }
        }
        for (key, use) in [("event_time", "event time"), ("arrival_time", "arrival time")] {
            if let value = object[key], let name = value.text {
                column(name, at: value.place, as: .timestamp, for: use)
            }
        }
        let id = object["id"]?.oneOrMore ?? []
        let compactBy = object["compact_by"]?.oneOrMore ?? []
        for (parts, use) in [(id, "id"), (compactBy, "compact_by")] {
            var seen: Set<String> = []
            for part in parts {
                column(part.text, at: part.place, as: nil, for: use)
                if let type = columns.first(where: { $0.name == part.text })?.type, type.isNested {
                    faults.add(
                        "\(use) `\(part.text)` is of type \(type)", at: part.place,
                        fix: "name columns of one value each", .typeMismatch)
                }
                if !seen.insert(part.text).inserted {
                    faults.add("`\(part.text)` is twice in `\(use)`", at: part.place)
                }
            }
        }
        var origins: [String: String] = [:]
        for entry in object["columns"]?.map ?? [] {
            let origin = entry.value.object?.text("from") ?? entry.name
            if entry.value.object?["constant"] == nil, let other = origins.updateValue(entry.name, forKey: origin) {
                faults.add("columns `\(other)` and `\(entry.name)` are both read from `\(origin)`", at: entry.namePlace)
            }
        }
        let csv = CSVOptions(object["csv"]?.object, faults: &faults)
        let origin = object["from"]?.object.flatMap { SourceOrigin($0, source: about.name, faults: &faults) }
        guard areComplete, faults.faults.count == before, let eventTime = object.text("event_time") else { return nil }
        self.init(
            about: about, columns: columns, eventTime: eventTime, arrivalTime: object.text("arrival_time"),
            id: id.map(\.text), csv: csv, origin: origin,
            compatibility: object.text("compatibility").flatMap(SchemaCompatibility.init(rawValue:)) ?? .none,
            compactBy: compactBy.map(\.text))
    }
}

extension SourceColumn {
    fileprivate init?(_ entry: CheckedEntry, faults: inout FaultList) {
        if let type = entry.value.text.flatMap(DataType.init(rawValue:)) {
            self.init(name: entry.name, type: type)
            return
        }
        guard let object = entry.value.object, object.isWhole,
            let type = object.text("type").flatMap(DataType.init(rawValue:))
        else { return nil }
        let before = faults.faults.count
        if let format = object["format"], let pattern = format.text {
            if type != .timestamp {
                faults.add(
                    "`format` is for timestamps; `\(entry.name)` is of type \(type)", at: format.place, .typeMismatch)
            } else {
                checkTimeFormat(pattern, hasZone: object["zone"] != nil, at: format.place, &faults)
            }
        }
        if let zone = object["zone"], let name = zone.text, !isZoneName(name) {
            faults.add(
                "`\(name)` is not a time zone", at: zone.place, fix: "write an IANA name such as UTC or Europe/Prague")
        }
        var constant: Value?
        if let value = object["constant"], type.isNested {
            faults.add("`\(entry.name)` is of type \(type), which has no `constant`", at: value.place, .typeMismatch)
        } else if let value = object["constant"], let scalar = value.scalar {
            if object["from"] != nil || object["format"] != nil {
                faults.add(
                    "a `constant` column is not read from the files", at: value.place, fix: "remove `from` and `format`"
                )
            }
            switch typedValue(scalar, as: type) {
            case .success(let typed): constant = typed
            case .failure(let reason):
                faults.add(
                    "the constant of `\(entry.name)` \(reason.message)", at: value.place, fix: reason.fix, .typeMismatch
                )
            }
        }
        guard faults.faults.count == before else { return nil }
        self.init(
            name: entry.name, type: type, isNullable: object["nullable"]?.boolean ?? (constant == nil),
            format: object.text("format"), zone: object.text("zone"), from: object.text("from"), constant: constant,
            description: object.text("description") ?? "")
    }
}

extension CSVOptions {
    fileprivate init(_ object: CheckedObject?, faults: inout FaultList) {
        self.init()
        guard let object else { return }
        if let delimiter = object["delimiter"], let text = delimiter.text {
            if text.utf8.count == 1, text != "\n", text != "\r" {
                self.delimiter = text
            } else {
                faults.add("`delimiter` must be one character", at: delimiter.place, fix: "for a tab write \"\\t\"")
            }
        }
        if let quote = object["quote"], let text = quote.text {
            self.quote = text
            if text == delimiter { faults.add("`quote` and `delimiter` are equal", at: quote.place) }
        }
        hasHeader = object["header"]?.boolean ?? true
        null = object.text("null")
    }
}
