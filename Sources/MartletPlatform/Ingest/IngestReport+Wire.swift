internal import MartletCore

/// Reports as they travel from the server that has the log to the command that asked.
extension IngestReport {
    package var wire: [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("source", source)
            json.member("batch", batch)
            json.member("is_repeat", isRepeat)
            json.member("rows", rowsRead)
            json.member("misfits", misfits)
            json.member("duplicates", duplicates)
            if let bronzeVersion { json.member("bronze_version", bronzeVersion) }
            json.member("idempotency_key", idempotencyKey)
            json.member("seconds", seconds)
            guard let refinement else { return }
            json.key("refinement")
            json.object { json in
                json.member("pending", refinement.pendingRows)
                json.member("duplicates", refinement.duplicates)
                json.member("quarantined", refinement.quarantined)
                json.member("rows", refinement.silverRows)
                json.member("removed", refinement.removedRows)
                if let version = refinement.silverVersion { json.member("version", version) }
                guard let failure = refinement.criticalFailure else { return }
                json.member("failure", failure.message)
                if let fix = failure.fix { json.member("failure_fix", fix) }
            }
        }
        return json.bytes
    }

    /// The results of single checks do not travel: only whether a critical one failed.
    /// - Throws: `invalidInput` for other bytes.
    package init(wire bytes: [UInt8]) throws {
        let json = try JSONValue(parsing: bytes)
        guard let source = json["source"]?.string, let batch = json["batch"]?.string, let rows = json["rows"]?.integer
        else { throw MartletError(.invalidInput, "the server has not answered with a report") }
        self.init(source: source, batch: batch)
        isRepeat = json["is_repeat"]?.bool ?? false
        rowsRead = Int(rows)
        misfits = json.count("misfits")
        duplicates = json.count("duplicates")
        bronzeVersion = json["bronze_version"]?.integer
        idempotencyKey = json["idempotency_key"]?.string ?? ""
        seconds = json["seconds"]?.number ?? 0
        guard let part = json["refinement"] else { return }
        var refinement = RefinementReport()
        refinement.pendingRows = part.count("pending")
        refinement.duplicates = part.count("duplicates")
        refinement.quarantined = part.count("quarantined")
        refinement.silverRows = part.count("rows")
        refinement.removedRows = part.count("removed")
        refinement.silverVersion = part["version"]?.integer
        if let message = part["failure"]?.string {
            refinement.criticalFailure = MartletError(.checkFailed, message, fix: part["failure_fix"]?.string)
        }
        self.refinement = refinement
    }
}

extension ReplayReport {
    package var wire: [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.member("replayed", replayed)
            $0.member("failed", failed)
        }
        return json.bytes
    }

    package init(wire bytes: [UInt8]) throws {
        let json = try JSONValue(parsing: bytes)
        self.init()
        replayed = json.count("replayed")
        failed = json.count("failed")
    }
}

extension JSONValue {
    fileprivate func count(_ name: String) -> Int { Int(self[name]?.integer ?? 0) }
}
