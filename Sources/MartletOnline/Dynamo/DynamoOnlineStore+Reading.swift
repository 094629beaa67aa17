internal import MartletCore

extension DynamoOnlineStore {
    /// DynamoDB's own limit.
    private static let keysPerBatch = 100

    package func read(
        _ lookups: [RecordLookup], keys: [EntityKeys], into table: inout RecordTable,
        _ body: (borrowing RecordTable) throws -> Void
    ) throws {
        table.removeAll()
        // DynamoDB refuses a batch that names an item twice.
        var placeOfKey: [String: Int] = [:]
        var names: [String] = []
        var places: [[Int]] = []
        for lookup in lookups {
            let keys = keys[lookup.keyIndex]
            places.append(
                try (0..<keys.uniqueCount).map { index in
                    let name = Base64.encoded(try keys.withKey(index) { try DynamoItem.key(lookup.view, $0) })
                    let place = placeOfKey[name] ?? names.count
                    if place == names.count {
                        placeOfKey[name] = place
                        names.append(name)
                    }
                    return place
                })
        }
        var bytes: [UInt8] = []
        var ranges = [Range<Int>?](repeating: nil, count: names.count)
        try fetch(names) { item in
            guard let key = item["k"]?["B"]?.string, let place = placeOfKey[key],
                let record = item["r"]?["B"]?.string
            else { throw foreignItem() }
            let start = bytes.count
            guard Base64.decode(record, to: &bytes) else { throw foreignItem() }
            ranges[place] = start..<bytes.count
        }
        try bytes.withUnsafeBytes { bytes in
            for places in places {
                table.beginLookup()
                for place in places {
                    table.append(ranges[place].map { UnsafeRawBufferPointer(rebasing: bytes[$0]) })
                }
            }
            try body(table)
        }
    }

    /// Gets the items, in batches that are under way together, and again what the service left out.
    private func fetch(_ names: [String], _ body: (JSONValue) throws -> Void) throws {
        let deadline = readDeadline
        var pending = stride(from: 0, to: names.count, by: Self.keysPerBatch).map { start in
            keyList(names[start..<min(start + Self.keysPerBatch, names.count)])
        }
        var attempt = 0
        while !pending.isEmpty {
            let bodies = pending.map { list -> [UInt8] in
                var json = JSONWriter()
                json.object {
                    $0.key("RequestItems")
                    $0.object {
                        $0.key(settings.table)
                        list.write(to: &$0)
                    }
                }
                return json.bytes
            }
            pending = []
            for answer in try client.call("BatchGetItem", bodies, by: deadline) {
                let json = try answer.checked(settings.table)
                for item in json["Responses"]?[settings.table]?.array ?? [] { try body(item) }
                if let left = json["UnprocessedKeys"]?[settings.table], left["Keys"]?.array?.isEmpty == false {
                    pending.append(left)
                }
            }
            if !pending.isEmpty { try client.pause(&attempt, by: deadline, "keys stay unprocessed") }
        }
    }

    private func keyList(_ names: ArraySlice<String>) -> JSONValue {
        .object([
            "Keys": .array(names.map { .object(["k": .object(["B": .string($0)])]) }),
            "ConsistentRead": .bool(settings.isConsistent),
            "ProjectionExpression": .string("k, r"),
        ])
    }
}
