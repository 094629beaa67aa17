package import MartletCore
internal import MartletObjects
package import MartletQuery

extension DeltaTable {
    /// Makes an empty table.
    /// - Returns: false where the table was there before; its columns may be others.
    /// - Throws: `invalidInput`, `typeMismatch` or `missingColumn` for columns that a table cannot have.
    @discardableResult
    package func create(
        _ schema: Schema, partitionColumns: [String] = [], configuration: [String: String] = [:],
        description: String? = nil
    ) throws -> Bool {
        try SchemaText.validate(schema, partitionColumns: partitionColumns)
        if try exists() { return false }
        let metadata = newMetadata(
            schema, partitionColumns: partitionColumns, configuration: configuration, description: description)
        var intent = CommitIntent(operation: "CREATE TABLE")
        intent.parameters = ["partitionBy": JSONValue.array(partitionColumns.map { .string($0) }).text]
        var created = false
        _ = try commit(intent) { current in
            created = current == nil
            return current == nil ? [.protocol(.ours), .metadata(metadata)] : nil
        }
        return created
    }

    /// Adds the rows of a query, in its order, as one new version; makes the table where there is none.
    /// - Throws: `missingColumn` and `typeMismatch` where the rows do not fit the table, `invalidInput` for nulls in
    ///   a column that takes none, `conflict` where another writer changed the table's columns so that they no longer
    ///   fit or where other writers were faster in all attempts; what the query throws. Then nothing was written.
    @discardableResult
    package func append(
        _ query: String, on connection: QueryConnection, _ options: WriteOptions = WriteOptions()
    ) throws -> WriteResult {
        try write(query, .append, connection, options)
    }

    /// Replaces all rows by those of a query. Older versions stay readable.
    /// - Parameter version: the version that the query was computed from; the write fails with `conflict` where the
    ///   table's files have changed since. nil means that the rows do not depend on the table: the newest rows, too,
    ///   are replaced.
    @discardableResult
    package func overwrite(
        _ query: String, on connection: QueryConnection, basedOn version: Int64? = nil,
        _ options: WriteOptions = WriteOptions()
    ) throws -> WriteResult {
        try write(query, .overwrite(basedOn: version), connection, options)
    }

    /// Appends rows, which are read once. See `append(_:on:_:)`.
    @discardableResult
    package func append(_ rows: RowSource, _ options: WriteOptions = WriteOptions()) throws -> WriteResult {
        try withRegistered(rows) { try append($0, on: $1, options) }
    }

    @discardableResult
    package func append(_ batch: RecordBatch, _ options: WriteOptions = WriteOptions()) throws -> WriteResult {
        try append(RowSource(batch), options)
    }

    /// See `overwrite(_:on:basedOn:_:)`.
    @discardableResult
    package func overwrite(
        _ rows: RowSource, basedOn version: Int64? = nil, _ options: WriteOptions = WriteOptions()
    ) throws -> WriteResult {
        try withRegistered(rows) { try overwrite($0, on: $1, basedOn: version, options) }
    }

    @discardableResult
    package func overwrite(
        _ batch: RecordBatch, basedOn version: Int64? = nil, _ options: WriteOptions = WriteOptions()
    ) throws -> WriteResult {
        try overwrite(RowSource(batch), basedOn: version, options)
    }

    private func withRegistered<T>(_ rows: RowSource, _ body: (String, QueryConnection) throws -> T) throws -> T {
        let connection = try context.engine.connect()
        try connection.register("rows_to_write", rows)
        return try body("SELECT * FROM rows_to_write", connection)
    }

    private enum Mode {
        case append
        case overwrite(basedOn: Int64?)
    }

    private func write(
        _ query: String, _ mode: Mode, _ connection: QueryConnection, _ options: WriteOptions
    ) throws -> WriteResult {
        if case .append = mode, options.evolution == .replace {
            throw MartletError(.usage, "appended rows cannot replace the columns of the table \(name)")
        }
        let start = try currentSnapshot()
        if let start, let skipped = alreadyWritten(options.transaction, start) { return skipped }
        let columns = try sourceColumns(of: query, on: connection)
        let target = try self.target(start, query, options, connection)
        let plan = try WritePlan(
            query: query, columns: columns, schema: target.schema, partitionColumns: target.partitionColumns,
            evolution: options.evolution)
        try SchemaText.validate(
            Schema(target.schema.fields + plan.added), partitionColumns: target.partitionColumns)

        let token = hexToken(context.random()) + hexToken(context.random())
        let indexed = start?.log.metadata.indexedColumns ?? 32
        let written = try plan.write(to: log, token: token, indexedColumns: indexed, connection)
        var intent = CommitIntent(operation: "WRITE")
        intent.parameters = ["partitionBy": JSONValue.array(target.partitionColumns.map { .string($0) }).text]
        intent.metrics = [
            "numFiles": written.files.count.description, "numOutputRows": written.rowCount.description,
            "numOutputBytes": written.sizeBytes.description,
        ]
        intent.notes = options.notes
        intent.transaction = options.transaction
        if case .overwrite(let base) = mode {
            intent.parameters["mode"] = "Overwrite"
            intent.basedOn = base
        } else {
            intent.parameters["mode"] = "Append"
            intent.isBlindAppend = true
        }
        do {
            let committed = try commit(intent) { current in
                try self.actions(mode, plan, written, target, current, options)
            }
            var result = WriteResult(
                version: committed.version, outcome: committed.outcome, rowCount: written.rowCount,
                fileCount: written.files.count, sizeBytes: written.sizeBytes, attempts: committed.attempts,
                checkpointFailure: committed.checkpointFailure)
            if committed.outcome != .committed {
                discard(written)
                (result.rowCount, result.fileCount, result.sizeBytes) = (0, 0, 0)
            }
            return result
        } catch let error as MartletError where error.code != .fileSystem && error.code != .diskFull {
            discard(written)
            throw error
        }
        // After a failed system call the commit may stand all the same; its files must stay then.
    }

    private func discard(_ written: WrittenFiles) {
        for key in written.keys { try? log.store.delete(key) }
    }

    private func alreadyWritten(_ transaction: WriteOptions.Transaction?, _ snapshot: Snapshot) -> WriteResult? {
        guard let transaction, let last = snapshot.transactionVersion(of: transaction.appID),
            last >= transaction.version
        else { return nil }
        return WriteResult(
            version: snapshot.version, outcome: .alreadyWritten, rowCount: 0, fileCount: 0, sizeBytes: 0, attempts: 0)
    }

    /// What the rows are written into: the table as it is, or as it will be made.
    private struct Target {
        var schema: Schema
        var partitionColumns: [String]
        var newMetadata: TableMetadata?
    }

    private func target(
        _ snapshot: Snapshot?, _ query: String, _ options: WriteOptions, _ connection: QueryConnection
    ) throws -> Target {
        if let snapshot, options.evolution == .replace {
            try snapshot.log.tableProtocol.checkWritable(snapshot.log.metadata, table: location)
            let schema = try options.schema ?? tableSchema(of: query, on: connection)
            let partitionColumns = options.partitionColumns ?? snapshot.partitionColumns.filter { schema[$0] != nil }
            try SchemaText.validate(schema, partitionColumns: partitionColumns)
            return Target(schema: schema, partitionColumns: partitionColumns)
        }
        if let snapshot {
            try snapshot.log.tableProtocol.checkWritable(snapshot.log.metadata, table: location)
            if let wanted = options.partitionColumns, wanted != snapshot.partitionColumns {
                throw MartletError(
                    .conflict,
                    "the table \(name) is partitioned by (\(snapshot.partitionColumns.joined(separator: ", ")))",
                    fix: "write a new table to partition it otherwise")
            }
            return Target(schema: snapshot.schema, partitionColumns: snapshot.partitionColumns)
        }
        let schema = try options.schema ?? tableSchema(of: query, on: connection)
        let partitionColumns = options.partitionColumns ?? []
        try SchemaText.validate(schema, partitionColumns: partitionColumns)
        return Target(
            schema: schema, partitionColumns: partitionColumns,
            newMetadata: newMetadata(schema, partitionColumns: partitionColumns, configuration: [:], description: nil))
    }

    /// The actions that take the table from `current` to the version with the rows; nil where nothing changes.
    private func actions(
        _ mode: Mode, _ plan: WritePlan, _ written: WrittenFiles, _ target: Target, _ current: Snapshot?,
        _ options: WriteOptions
    ) throws -> [DeltaAction]? {
        var actions: [DeltaAction] = []
        var removed: [DeltaAction] = []
        if let current {
            try current.log.tableProtocol.checkWritable(current.log.metadata, table: location)
            if options.evolution == .replace {
                var metadata = current.log.metadata
                if metadata.partitionColumns != target.partitionColumns || current.schema != target.schema {
                    metadata.partitionColumns = target.partitionColumns
                    metadata.schemaString = SchemaText.write(target.schema)
                    actions.append(.metadata(metadata))
                }
            } else if let metadata = try rebased(plan, target, current) {
                actions.append(.metadata(metadata))
            }
            if case .overwrite = mode {
                guard !current.log.metadata.isAppendOnly || current.files.isEmpty else {
                    throw MartletError(.invalidInput, "the table \(name) is append-only: its rows cannot be replaced")
                }
                let now = context.time.now().microseconds / 1_000
                removed = current.files.map { file in
                    .remove(
                        RemovedFile(
                            path: file.path, deletionTimestamp: now, isDataChange: true,
                            partitionValues: file.partitionValues, sizeBytes: file.sizeBytes))
                }
            }
        } else if var metadata = target.newMetadata {
            if !plan.added.isEmpty {
                metadata.schemaString = try SchemaText.adding(plan.added, to: metadata.schemaString)
            }
            actions += [.protocol(.ours), .metadata(metadata)]
        } else {
            throw MartletError(.conflict, "the table \(name) was deleted while it was being written")
        }
        actions += removed
        actions += written.files.map { .add($0) }
        return actions.isEmpty && options.transaction == nil ? nil : actions
    }

    /// The metadata that the table needs for files written by `plan`, where it differs from what the table has now.
    /// - Throws: `conflict` where another writer made the files unfit.
    private func rebased(_ plan: WritePlan, _ target: Target, _ current: Snapshot) throws -> TableMetadata? {
        guard current.partitionColumns == target.partitionColumns else {
            throw MartletError(
                .conflict, "another writer changed the partitions of the table \(name)", fix: "write again")
        }
        var missing: [Field] = []
        for field in plan.fields {
            if let now = current.schema[field.name] {
                guard now.type == field.type, now.isNullable || !field.isNullable || target.schema[field.name] == now
                else {
                    throw MartletError(
                        .conflict, "another writer changed column \(field.name) of the table \(name)",
                        fix: "write again")
                }
            } else if plan.added.contains(field) {
                missing.append(field)
            } else {
                throw MartletError(
                    .conflict, "another writer dropped or never had column \(field.name) of the table \(name)",
                    fix: "write again")
            }
        }
        for field in current.schema.fields
        where !field.isNullable && !plan.fields.contains(where: { $0.name == field.name }) {
            throw MartletError(
                .conflict, "another writer added column \(field.name) to the table \(name)", fix: "write again")
        }
        if missing.isEmpty { return nil }
        var metadata = current.log.metadata
        metadata.schemaString = try SchemaText.adding(missing, to: metadata.schemaString)
        return metadata
    }

    private func newMetadata(
        _ schema: Schema, partitionColumns: [String], configuration: [String: String], description: String?
    ) -> TableMetadata {
        TableMetadata(
            id: uuid(context.random(), context.random()), name: name.description, description: description,
            schemaString: SchemaText.write(schema), partitionColumns: partitionColumns, configuration: configuration,
            createdTime: context.time.now().microseconds / 1_000)
    }
}

private func hexToken(_ number: UInt64) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: 16 - text.utf8.count) + text
}

/// A UUID of version 4 (RFC 9562, section 5.4).
private func uuid(_ high: UInt64, _ low: UInt64) -> String {
    let digits = Array((hexToken(high & ~0xF000 | 0x4000) + hexToken(low & ~(0b11 << 62) | 0b10 << 62)).utf8)
    let parts = [digits[0..<8], digits[8..<12], digits[12..<16], digits[16..<20], digits[20..<32]]
    return parts.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "-")
}
