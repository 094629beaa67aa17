internal import MartletCore

extension DynamoOnlineStore {
    /// Makes the table, paid by request, where it is absent, and waits until it can be used.
    package func createTable() throws {
        let deadline = Deadline(milliseconds: 120_000)
        var attempt = 0
        while true {
            switch try call("DescribeTable", by: deadline, { _ in }) {
            case .success(let json):
                if json["Table"]?["TableStatus"]?.string == "ACTIVE" { return }
                try client.pause(&attempt, by: deadline, "the table is being made")
            case .refusal("ResourceNotFoundException", _):
                let answer = try call("CreateTable", by: deadline) {
                    $0.key("AttributeDefinitions")
                    $0.array {
                        $0.object {
                            $0.member("AttributeName", "k")
                            $0.member("AttributeType", "B")
                        }
                    }
                    $0.key("KeySchema")
                    $0.array {
                        $0.object {
                            $0.member("AttributeName", "k")
                            $0.member("KeyType", "HASH")
                        }
                    }
                    $0.member("BillingMode", "PAY_PER_REQUEST")
                }
                // Another process makes it in this moment.
                if case .refusal("ResourceInUseException", _) = answer { continue }
                _ = try answer.checked(settings.table)
            case let other: _ = try other.checked(settings.table)
            }
        }
    }

    package func drop(_ view: ViewIdentity) throws {
        let handle = try handle(for: view)
        // The cursor first: a load that begins while rows are deleted must not believe that they are there.
        _ = try call("DeleteItem", by: writeDeadline) {
            $0.key("Key")
            $0.object { $0.attribute("k", "B", cursorKey(handle)) }
        }.checked(settings.table)
        try scan(handle, select: "SPECIFIC_ATTRIBUTES") { page in
            let keys = (page["Items"]?.array ?? []).compactMap { $0["k"]?["B"]?.string }
            for start in stride(from: 0, to: keys.count, by: Self.writesPerBatch) {
                try delete(Array(keys[start..<min(start + Self.writesPerBatch, keys.count)]))
            }
        }
    }

    /// DynamoDB's own limit.
    private static let writesPerBatch = 25

    private func delete(_ keys: [String]) throws {
        let deadline = writeDeadline
        var json = JSONWriter()
        json.array {
            for key in keys {
                $0.object {
                    $0.key("DeleteRequest")
                    $0.object {
                        $0.key("Key")
                        $0.object { $0.attribute("k", "B", key) }
                    }
                }
            }
        }
        var requests = try JSONValue(parsing: json.bytes)
        var attempt = 0
        while true {
            var json = JSONWriter()
            json.object {
                $0.key("RequestItems")
                $0.object {
                    $0.key(settings.table)
                    requests.write(to: &$0)
                }
            }
            let answer = try client.call("BatchWriteItem", [json.bytes], by: deadline)[0].checked(settings.table)
            guard let left = answer["UnprocessedItems"]?[settings.table], left.array?.isEmpty == false else { return }
            requests = left
            try client.pause(&attempt, by: deadline, "items stay unprocessed")
        }
    }

    package func recordCount(of view: ViewIdentity) throws -> Int {
        var count = 0
        try scan(handle(for: view), select: "COUNT") { count += Int($0["Count"]?.integer ?? 0) }
        return count
    }

    /// Walks over the whole table, page by page.
    func scan(
        _ view: ViewHandle, select: String, attributes: String = "k", _ body: (JSONValue) throws -> Void
    ) throws {
        var start: JSONValue?
        repeat {
            let page = try call("Scan", by: writeDeadline) {
                // Items of the store itself have a number too, but no record.
                $0.member("FilterExpression", "v = :v AND attribute_exists(r)")
                $0.key("ExpressionAttributeValues")
                $0.object { $0.attribute(":v", "N", "\(view.number)") }
                $0.member("Select", select)
                if select == "SPECIFIC_ATTRIBUTES" { $0.member("ProjectionExpression", attributes) }
                $0.member("ConsistentRead", true)
                if let start {
                    $0.key("ExclusiveStartKey")
                    start.write(to: &$0)
                }
            }.checked(settings.table)
            try body(page)
            start = page["LastEvaluatedKey"]
        } while start != nil
    }
}
