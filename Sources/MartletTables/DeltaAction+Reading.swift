internal import MartletCore

extension DeltaAction {
    /// Reads the lines of one commit.
    /// - Throws: `corruptData` with the file and the line.
    static func readCommit(_ bytes: [UInt8], file: String) throws -> [DeltaAction] {
        var actions: [DeltaAction] = []
        for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated()
        where !line.allSatisfy({ $0 == 0x20 || $0 == 0x0D }) {
            do {
                actions.append(try DeltaAction(JSONValue(parsing: line)))
            } catch {
                throw MartletError(
                    .corruptData, "a line of a table's log cannot be read", place: .init(file: file, line: index + 1),
                    fix: "restore the file from a backup: without it the rows of the table are unknown", cause: error)
            }
        }
        guard !actions.isEmpty else {
            throw MartletError(
                .corruptData, "a commit of a table's log is empty", place: .init(file: file, line: 1),
                fix: "restore the file from a backup: without it the rows of the table are unknown")
        }
        return actions
    }

    private static let kinds = ["protocol", "metaData", "add", "remove", "txn", "commitInfo"]

    init(_ json: JSONValue) throws {
        // Checkpoints and some writers name all kinds and set the absent ones to null.
        let kinds = (json.object ?? [:]).filter { $0.value != .null }.keys
        guard let kind = Self.kinds.first(where: kinds.contains) ?? kinds.min(), let body = json[kind] else {
            throw MartletError(.corruptData, "the line is not an action")
        }
        switch kind {
        case "protocol": self = .protocol(try TableProtocol(body))
        case "metaData": self = .metadata(try TableMetadata(body))
        case "add": self = .add(try DataFile(body))
        case "remove": self = .remove(try RemovedFile(body))
        case "txn":
            self = .transaction(
                AppTransaction(
                    appID: try body.required("appId", \.string), version: try body.required("version", \.integer),
                    lastUpdated: body["lastUpdated"]?.integer))
        case "commitInfo": self = .commitInfo(body)
        default: self = .unknown(kind)
        }
    }
}

extension TableProtocol {
    init(_ json: JSONValue) throws {
        self.init(
            minReaderVersion: Int(try json.required("minReaderVersion", \.integer)),
            minWriterVersion: Int(try json.required("minWriterVersion", \.integer)),
            readerFeatures: json["readerFeatures"]?.array?.compactMap(\.string),
            writerFeatures: json["writerFeatures"]?.array?.compactMap(\.string))
    }
}

extension TableMetadata {
    init(_ json: JSONValue) throws {
        if let provider = json["format"]?["provider"]?.string, provider != "parquet" {
            throw MartletError(.invalidInput, "the files of the table are \(provider), not parquet")
        }
        self.init(
            id: try json.required("id", \.string), name: json["name"]?.string, description: json["description"]?.string,
            schemaString: try json.required("schemaString", \.string),
            partitionColumns: try json.required("partitionColumns", \.array).compactMap(\.string),
            configuration: json["configuration"]?.object?.compactMapValues(\.string) ?? [:],
            createdTime: json["createdTime"]?.integer)
    }
}

extension DataFile {
    init(_ json: JSONValue) throws {
        self.init(
            path: try json.required("path", \.string), partitionValues: json["partitionValues"]?.texts ?? [:],
            sizeBytes: try json.required("size", \.integer),
            modificationTime: json["modificationTime"]?.integer ?? 0, isDataChange: json["dataChange"]?.bool ?? true,
            statistics: json["stats"]?.string)
        if let tags = json["tags"], tags != .null { self.tags = tags.text }
        // Some writers give a struct of nulls for a file without a vector (delta-rs 3055).
        if let vector = json["deletionVector"], let path = vector["pathOrInlineDv"]?.string {
            deletionVector = "\(vector["storageType"]?.string ?? "")\(path)@\(vector["offset"]?.integer ?? 0)"
        }
    }
}

extension RemovedFile {
    init(_ json: JSONValue) throws {
        self.init(
            path: try json.required("path", \.string), deletionTimestamp: json["deletionTimestamp"]?.integer,
            isDataChange: json["dataChange"]?.bool ?? true, partitionValues: json["partitionValues"]?.texts,
            sizeBytes: json["size"]?.integer)
    }
}

extension JSONValue {
    fileprivate func required<T>(_ name: String, _ read: (JSONValue) -> T?) throws -> T {
        guard let value = self[name].flatMap(read) else {
            throw MartletError(.corruptData, "\(name) is missing, or has another type")
        }
        return value
    }

    /// A map of texts; the empty text stays as it is.
    fileprivate var texts: [String: String?]? { object.map { $0.mapValues(\.string) } }
}
