internal import MartletCore

extension DefinitionLanguage {
    static let origin = ObjectShape(
        "from", "What brings the events by itself; without it they come from files and by pushing.",
        [
            MemberShape("kafka", .object(kafka), "A topic of Kafka, read as a member of a consumer group."),
            MemberShape("rabbitmq", .object(rabbitmq), "A queue of RabbitMQ."),
            MemberShape("postgres", .object(postgres), "A table of PostgreSQL: its rows, then every change of them."),
        ], exactlyOne: [["kafka", "rabbitmq", "postgres"]])

    private static let kafka = ObjectShape(
        "kafka", "A topic of Kafka.",
        [
            MemberShape(
                "brokers", .either([.text, .list(.text)]), isRequired: true, "The brokers to ask first, as host:port."),
            MemberShape("topic", .text, isRequired: true, "The name of the topic."),
            MemberShape("group", .text, "The consumer group; martlet-NAME without it."),
            MemberShape(
                "properties", .labels,
                "Further settings of librdkafka, such as security.protocol; secrets as ${VARIABLE}."),
        ])

    private static let rabbitmq = ObjectShape(
        "rabbitmq", "A queue of RabbitMQ.",
        [
            MemberShape(
                "url", .text, isRequired: true, "amqp://USER:${VARIABLE}@HOST:PORT/VIRTUAL-HOST, with / as %2F."),
            MemberShape("queue", .text, isRequired: true, "The name of the queue."),
            MemberShape(
                "prefetch", .integer(SourceOrigin.RabbitMQ.prefetchRange),
                "Messages that the broker sends ahead of acknowledgements; 2000 without it."),
            MemberShape("declare", .boolean, "Whether a quorum queue is made where there is none; false without it."),
        ])

    private static let postgres = ObjectShape(
        "postgres", "A table of PostgreSQL.",
        [
            MemberShape(
                "url", .text, isRequired: true, "postgresql://USER:${VARIABLE}@HOST:PORT/DATABASE."),
            MemberShape("table", .text, isRequired: true, "SCHEMA.TABLE, or a table of public."),
            MemberShape("slot", .text, "The replication slot, which Martlet makes; martlet_NAME without it."),
            MemberShape(
                "publication", .text, "The publication that has the table, which its owner makes; martlet without it."),
        ])
}

extension SourceOrigin {
    /// - Parameter source: the source's name, of which defaults are made.
    /// - Returns: nil where the object has faults.
    init?(_ object: CheckedObject, source: String, faults: inout FaultList) {
        guard object.isWhole else { return nil }
        let before = faults.faults.count
        if let kafka = object["kafka"]?.object {
            self = .kafka(Self.kafka(kafka, source, &faults))
        } else if let rabbitmq = object["rabbitmq"]?.object {
            checkURL(rabbitmq, schemes: ["amqp"], &faults)
            self = .rabbitmq(
                RabbitMQ(
                    url: rabbitmq.text("url") ?? "", queue: rabbitmq.text("queue") ?? "",
                    prefetch: rabbitmq["prefetch"]?.integer.map { Int($0) } ?? RabbitMQ.prefetchDefault,
                    declaresQueue: rabbitmq["declare"]?.boolean ?? false))
        } else if let postgres = object["postgres"]?.object {
            self = .postgres(Self.postgres(postgres, source, &faults))
        } else {
            return nil
        }
        if faults.faults.count != before { return nil }
    }

    private static func kafka(_ object: CheckedObject, _ source: String, _ faults: inout FaultList) -> Kafka {
        let brokers = object["brokers"]?.oneOrMore ?? []
        for broker in brokers where !isHostAndPort(broker.text) {
            faults.add(
                "`\(broker.text)` is not a broker", at: broker.place, fix: "write host:port, such as kafka-1:9092")
        }
        var properties: [String: String] = [:]
        for entry in object["properties"]?.map ?? [] {
            guard let value = entry.value.text else { continue }
            properties[entry.name] = value
            let isSecret = ["password", "secret", "oauthbearer.config", "key.pem"].contains { entry.name.contains($0) }
            checkReferences(value, at: entry.value.place, &faults)
            if isSecret, EnvironmentReferences.names(in: value)?.isEmpty ?? false {
                faults.add(
                    "`\(entry.name)` stands in the definition itself, which is stored and shown", at: entry.value.place,
                    fix: "name an environment variable: \(entry.name): ${KAFKA_PASSWORD}")
            }
            if reservedProperties.contains(entry.name) {
                faults.add("`\(entry.name)` is set by Martlet", at: entry.namePlace, fix: "remove it")
            }
        }
        return Kafka(
            brokers: brokers.map(\.text), topic: object.text("topic") ?? "",
            group: object.text("group") ?? "martlet-\(source)", properties: properties)
    }

    /// Those that reading exactly once rests on.
    private static let reservedProperties: Set<String> = [
        "bootstrap.servers", "metadata.broker.list", "group.id", "enable.auto.commit", "enable.auto.offset.store",
        "auto.offset.reset", "partition.assignment.strategy", "isolation.level",
    ]

    private static func isHostAndPort(_ text: String) -> Bool {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]) else {
            return false
        }
        return colon > text.startIndex && (1...65_535).contains(port) && !text.contains { " ,/@".contains($0) }
    }

    private static func postgres(_ object: CheckedObject, _ source: String, _ faults: inout FaultList) -> Postgres {
        checkURL(object, schemes: ["postgresql", "postgres"], &faults)
        let table = object.text("table") ?? ""
        let parts = table.split(separator: ".", omittingEmptySubsequences: false)
        if parts.count > 2 || parts.contains("") {
            faults.add("`\(table)` is not a table", at: object.place("table"), fix: "write SCHEMA.TABLE")
        }
        let slot = object.text("slot") ?? "martlet_\(source)".lowercased()
        let allowed = "abcdefghijklmnopqrstuvwxyz0123456789_"
        if slot.utf8.count > 63 || !slot.allSatisfy({ allowed.contains($0) }) {
            faults.add(
                "`\(slot)` cannot be the name of a slot", at: object.place("slot"),
                fix: "use up to 63 small letters, digits and _")
        }
        return Postgres(
            url: object.text("url") ?? "", table: parts.count == 1 ? "public.\(table)" : table, slot: slot,
            publication: object.text("publication") ?? "martlet")
    }
}

private func checkReferences(_ text: String, at place: MartletError.Place, _ faults: inout FaultList) {
    if EnvironmentReferences.names(in: text) == nil {
        faults.add("`${` names no environment variable", at: place, fix: "write ${NAME} with letters, digits and _")
    }
}

/// The scheme is one of those, and no password stands in the text itself.
private func checkURL(_ object: CheckedObject, schemes: [String], _ faults: inout FaultList) {
    guard let url = object.text("url") else { return }
    let place = object.place("url")
    checkReferences(url, at: place, &faults)
    // A reference may hold the whole URL.
    guard !url.hasPrefix("${") else { return }
    guard let scheme = schemes.first(where: { url.hasPrefix("\($0)://") }) else {
        // What stands there is not repeated: it may be a secret.
        faults.add("the URL does not begin with \(schemes[0])://", at: place, fix: "write \(schemes[0])://HOST/…")
        return
    }
    let authority = url.dropFirst(scheme.count + 3).prefix { $0 != "/" && $0 != "?" }
    let user = authority.lastIndex(of: "@").map { authority[..<$0] } ?? ""
    let password = user.firstIndex(of: ":").map { String(user[user.index(after: $0)...]) } ?? ""
    let hasParameter = url.contains("password=") && !url.contains("password=${")
    if hasParameter || (!password.isEmpty && EnvironmentReferences.names(in: password)?.isEmpty ?? false) {
        faults.add(
            "the password stands in the definition itself, which is stored and shown", at: place,
            fix: "name an environment variable: \(scheme)://USER:${PASSWORD}@HOST/…")
    }
}
