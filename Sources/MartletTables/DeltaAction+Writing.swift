internal import MartletCore

extension DeltaAction {
    /// The lines of a commit.
    static func writeCommit(_ actions: [DeltaAction]) -> [UInt8] {
        var json = JSONWriter(capacity: 1_024 * actions.count)
        var bytes: [UInt8] = []
        for action in actions {
            json.removeAll()
            action.write(to: &json)
            bytes += json.bytes
            bytes.append(0x0A)
        }
        return bytes
    }

    func write(to json: inout JSONWriter) {
        json.object { json in
            switch self {
            case .protocol(let body):
                json.key("protocol")
                body.write(to: &json)
            case .metadata(let body):
                json.key("metaData")
                body.write(to: &json)
            case .add(let body):
                json.key("add")
                body.write(to: &json)
            case .remove(let body):
                json.key("remove")
                body.write(to: &json)
            case .transaction(let body):
                json.key("txn")
                json.object {
                    $0.member("appId", body.appID)
                    $0.member("version", body.version)
                    if let time = body.lastUpdated { $0.member("lastUpdated", time) }
                }
            case .commitInfo(let body):
                json.key("commitInfo")
                body.write(to: &json)
            case .unknown(let kind):
                json.key(kind)
                json.object { _ in }
            }
        }
    }
}

extension TableProtocol {
    fileprivate func write(to json: inout JSONWriter) {
        json.object {
            $0.member("minReaderVersion", minReaderVersion)
            $0.member("minWriterVersion", minWriterVersion)
            if let readerFeatures { $0.member("readerFeatures", readerFeatures) }
            if let writerFeatures { $0.member("writerFeatures", writerFeatures) }
        }
    }
}

extension TableMetadata {
    fileprivate func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id)
            if let name { json.member("name", name) }
            if let description { json.member("description", description) }
            json.key("format")
            json.object {
                $0.member("provider", "parquet")
                $0.key("options")
                $0.object { _ in }
            }
            json.member("schemaString", schemaString)
            json.member("partitionColumns", partitionColumns)
            json.key("configuration")
            json.object {
                for (key, value) in configuration.sorted(by: { $0.key < $1.key }) { $0.member(key, value) }
            }
            if let createdTime { json.member("createdTime", createdTime) }
        }
    }
}

extension DataFile {
    fileprivate func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("path", path)
            json.key("partitionValues")
            writeTexts(partitionValues, to: &json)
            json.member("size", sizeBytes)
            json.member("modificationTime", modificationTime)
            json.member("dataChange", isDataChange)
            if let statistics { json.member("stats", statistics) }
            if let tags {
                json.key("tags")
                json.raw(Array(tags.utf8))
            }
        }
    }
}

extension RemovedFile {
    fileprivate func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("path", path)
            if let deletionTimestamp { json.member("deletionTimestamp", deletionTimestamp) }
            json.member("dataChange", isDataChange)
            if let partitionValues, let sizeBytes {
                json.member("extendedFileMetadata", true)
                json.key("partitionValues")
                writeTexts(partitionValues, to: &json)
                json.member("size", sizeBytes)
            }
        }
    }
}

private func writeTexts(_ values: [String: String?], to json: inout JSONWriter) {
    json.object {
        for (column, value) in values.sorted(by: { $0.key < $1.key }) {
            $0.key(column)
            if let value { $0.value(value) } else { $0.null() }
        }
    }
}
