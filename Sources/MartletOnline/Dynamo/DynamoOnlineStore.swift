package import MartletCore
internal import Synchronization

/// The online store in one table of DynamoDB (docs/backends.md), for all views and tenants.
package final class DynamoOnlineStore: OnlineStore {
    let settings: DynamoSettings
    let client: DynamoClient
    private let handles = Mutex<[ViewIdentity: ViewHandle]>([:])
    private let isTableKnown = Mutex(false)

    /// Connects at first use.
    package init(_ settings: DynamoSettings, time: any TimeSource = SystemTimeSource()) {
        self.settings = settings
        client = DynamoClient(settings, time)
    }

    package var isRemote: Bool { true }

    package var statistics: StoreStatistics { client.statistics }

    var readDeadline: Deadline { Deadline(milliseconds: settings.readTimeoutMilliseconds) }
    var writeDeadline: Deadline { Deadline(milliseconds: settings.writeTimeoutMilliseconds) }

    /// One request, with what it answers.
    func call(
        _ operation: String, by deadline: Deadline, _ members: (inout JSONWriter) -> Void
    ) throws -> DynamoClient.Answer {
        try client.call(operation, [body(members)], by: deadline)[0]
    }

    func body(_ members: (inout JSONWriter) -> Void) -> [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.member("TableName", settings.table)
            members(&$0)
        }
        return json.bytes
    }

    package func handle(for view: ViewIdentity) throws -> ViewHandle {
        if let known = handles.withLock({ $0[view] }) { return known }
        try makeTableWhereAbsent()
        let key = DynamoItem.ownKey("view \(view)")
        let handle = try storedHandle(key) ?? addHandle(key)
        handles.withLock { $0[view] = handle }
        return handle
    }

    private func storedHandle(_ key: String) throws -> ViewHandle? {
        let item = try ownItem(key, by: readDeadline)
        return item?["v"]?["N"]?.string.flatMap { UInt32($0) }.map { ViewHandle(number: $0) }
    }

    private func addHandle(_ key: String) throws -> ViewHandle {
        // A number that is given out twice would mix two views, one that is lost does no harm.
        let counted = try call("UpdateItem", by: writeDeadline) {
            $0.key("Key")
            $0.object { $0.attribute("k", "B", DynamoItem.ownKey("views")) }
            $0.member("UpdateExpression", "ADD v :one")
            $0.key("ExpressionAttributeValues")
            $0.object { $0.attribute(":one", "N", "1") }
            $0.member("ReturnValues", "UPDATED_NEW")
        }.checked(settings.table)
        guard let number = counted["Attributes"]?["v"]?["N"]?.string.flatMap({ UInt32($0) }) else {
            throw foreignItem()
        }
        let answer = try call("PutItem", by: writeDeadline) {
            $0.key("Item")
            $0.object {
                $0.attribute("k", "B", key)
                $0.attribute("v", "N", "\(number)")
            }
            $0.member("ConditionExpression", "attribute_not_exists(k)")
        }
        if case .refusal("ConditionalCheckFailedException", _) = answer {
            // Another process was first, or an answer was lost.
            guard let handle = try storedHandle(key) else { throw foreignItem() }
            return handle
        }
        _ = try answer.checked(settings.table)
        return ViewHandle(number: number)
    }

    func ownItem(_ key: String, by deadline: Deadline) throws -> JSONValue? {
        let answer = try call("GetItem", by: deadline) {
            $0.key("Key")
            $0.object { $0.attribute("k", "B", key) }
            $0.member("ConsistentRead", true)
        }
        return try answer.checked(settings.table)["Item"]
    }

    package func cursor(of view: ViewIdentity) throws -> LoadCursor? {
        let item = try ownItem(cursorKey(try handle(for: view)), by: readDeadline)
        return try item?["j"]?["S"]?.string.map { try LoadCursor(decoding: Array($0.utf8)) }
    }

    package func setCursor(_ cursor: LoadCursor, of view: ViewIdentity) throws {
        try setCursor(cursor, of: handle(for: view))
    }

    func setCursor(_ cursor: LoadCursor, of view: ViewHandle) throws {
        _ = try call("PutItem", by: writeDeadline) {
            $0.key("Item")
            $0.object {
                $0.attribute("k", "B", cursorKey(view))
                $0.attribute("j", "S", String(decoding: cursor.encoded, as: UTF8.self))
            }
        }.checked(settings.table)
    }

    func cursorKey(_ view: ViewHandle) -> String { DynamoItem.ownKey("load \(view.number)") }

    private func makeTableWhereAbsent() throws {
        guard settings.createsTable, !isTableKnown.withLock({ $0 }) else { return }
        try createTable()
        isTableKnown.withLock { $0 = true }
    }
}

func foreignItem() -> MartletError {
    MartletError(
        .corruptData, "the table of DynamoDB holds something that is not Martlet's", fix: "use a table of its own")
}
