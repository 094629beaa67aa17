internal import MartletCore

extension DynamoOnlineStore {
    /// Conditional puts that are handed to the client together; it sends as many at once as it may.
    private static let putsPerRound = 256

    package func write(
        _ chunk: RecordChunk, keys: EntityKeys, order: ArraySlice<Int32>, to view: ViewHandle, cursor: LoadCursor?
    ) throws -> WriteCounts {
        var counts = WriteCounts()
        for start in stride(from: 0, to: order.count, by: Self.putsPerRound) {
            let places = start..<min(start + Self.putsPerRound, order.count)
            var records: [String] = []
            let bodies = try places.map { place in
                let name = try keys.withKey(Int(order[order.startIndex + place])) {
                    try DynamoItem.key(view, $0)
                }
                return try chunk.withRecord(place) { record in
                    records.append(Base64.encoded(record))
                    return try put(name, view, record, records[records.count - 1], chunk.ttl)
                }
            }
            for (index, answer) in try client.call("PutItem", bodies, by: writeDeadline).enumerated() {
                guard case .refusal("ConditionalCheckFailedException", let json) = answer else {
                    _ = try answer.checked(settings.table)
                    counts.written += 1
                    continue
                }
                if json["Item"]?["r"]?["B"]?.string == records[index] {
                    counts.unchanged += 1
                } else {
                    counts.keptNewer += 1
                }
            }
        }
        // Only now: a cursor must never promise rows that are not there.
        if let cursor { try setCursor(cursor, of: view) }
        return counts
    }

    /// The body of a put that leaves a newer record of the same kind, and the same one, where it is.
    private func put(
        _ name: [UInt8], _ view: ViewHandle, _ record: UnsafeRawBufferPointer, _ text: String, _ ttl: TimeSpan?
    ) throws -> [UInt8] {
        let header = try RecordHeader(unverified: record)
        let order = DynamoItem.order(header)
        let sizeBytes = name.count + record.count + order.utf8.count + 32
        guard sizeBytes <= DynamoItem.itemBytes else {
            throw MartletError(
                .limitExceeded,
                "a record takes \(sizeBytes) bytes where DynamoDB allows \(DynamoItem.itemBytes) an item",
                fix: "give the view fewer or shorter features and windows, or another online store")
        }
        let expiry = expirySeconds(header, ttl)
        return body {
            $0.key("Item")
            $0.object {
                $0.attribute("k", "B", Base64.encoded(name))
                $0.attribute("v", "N", "\(view.number)")
                $0.attribute("r", "B", text)
                $0.attribute("o", "S", order)
                if let expiry { $0.attribute("x", "N", "\(expiry)") }
            }
            $0.member(
                "ConditionExpression",
                "attribute_not_exists(k) OR NOT begins_with(o, :t) OR o < :o OR (o = :o AND r <> :r)")
            $0.key("ExpressionAttributeValues")
            $0.object {
                $0.attribute(":t", "S", "\(header.kind.rawValue)")
                $0.attribute(":o", "S", order)
                $0.attribute(":r", "B", text)
            }
            $0.member("ReturnValuesOnConditionCheckFailure", "ALL_OLD")
        }
    }

    /// When DynamoDB may forget the record. Tombstones stay: they keep older rows from coming back.
    private func expirySeconds(_ header: RecordHeader, _ ttl: TimeSpan?) -> Int64? {
        guard let days = settings.expireAfterDays, let ttl, !header.isTombstone else { return nil }
        let (end, overflow) = header.eventTime.addingReportingOverflow(ttl.microseconds)
        let (late, isTooLate) = end.addingReportingOverflow(Int64(days) * 86_400_000_000)
        return overflow || isTooLate ? nil : max(1, late / 1_000_000)
    }
}
