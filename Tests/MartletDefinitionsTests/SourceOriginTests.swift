import MartletCore
import MartletDefinitions
import Testing

@Suite("Where a source's events come from")
struct SourceOriginTests {
    private static let head = """
        source: payments
        columns: {id: string, amount: float64, at: timestamp}
        event_time: at
        id: id
        from:

        """

    private static func check(_ from: String) -> RepositoryText {
        RepositoryText(checking: [.init(path: "a.yaml", text: head + from + "\n")]) { _ in .success("") }
    }

    private static func origin(_ from: String) -> SourceOrigin? {
        for case .source(let source) in check(from).definitions { return source.origin }
        return nil
    }

    static let valid: [(text: String, origin: SourceOrigin, canonical: String)] = [
        (
            "  kafka: {brokers: \"k1:9092\", topic: payments}",
            .kafka(.init(brokers: ["k1:9092"], topic: "payments", group: "martlet-payments")),
            #""from":{"kafka":{"brokers":["k1:9092"],"topic":"payments","group":"martlet-payments"}}"#
        ),
        (
            """
              kafka:
                brokers: ["k1:9092", "k2:9093"]
                topic: Payments.v2
                group: fraud
                properties: {security.protocol: SASL_SSL, sasl.password: "${KAFKA_PASSWORD}"}
            """,
            .kafka(
                .init(
                    brokers: ["k1:9092", "k2:9093"], topic: "Payments.v2", group: "fraud",
                    properties: ["security.protocol": "SASL_SSL", "sasl.password": "${KAFKA_PASSWORD}"])),
            #""properties":{"sasl.password":"${KAFKA_PASSWORD}","security.protocol":"SASL_SSL"}"#
        ),
        (
            "  rabbitmq: {url: \"amqp://martlet:${PASSWORD}@host:5672/%2F\", queue: payments, "
                + "prefetch: 500, declare: true}",
            .rabbitmq(
                .init(
                    url: "amqp://martlet:${PASSWORD}@host:5672/%2F", queue: "payments", prefetch: 500,
                    declaresQueue: true)),
            #""from":{"rabbitmq":{"url":"amqp://martlet:${PASSWORD}@host:5672/%2F","queue":"payments","#
                + #""prefetch":500,"declare":true}}"#
        ),
        (
            "  postgres: {url: \"${SHOP_URL}\", table: payments}",
            .postgres(
                .init(
                    url: "${SHOP_URL}", table: "public.payments", slot: "martlet_payments", publication: "martlet")),
            #""from":{"postgres":{"url":"${SHOP_URL}","table":"public.payments","slot":"martlet_payments","#
                + #""publication":"martlet"}}"#
        ),
    ]

    @Test("each kind is read, with its defaults, and comes back from its canonical text", arguments: valid.indices)
    func reads(_ index: Int) throws {
        let (text, origin, canonical) = Self.valid[index]
        let checked = Self.check(text)
        #expect(checked.faults.isEmpty, "\(checked.faults)")
        #expect(Self.origin(text) == origin)
        let definition = try #require(checked.definitions.first)
        #expect(definition.canonicalText.contains(canonical), "\(definition.canonicalText)")
        #expect(try Definition(canonical: definition.canonicalText) == definition)
    }

    static let mistakes: [(text: String, place: String, message: String, fix: String?)] = [
        ("  kafka: {topic: t}", "6:10", "has no `brokers`", "add `brokers`"),
        ("  kafka: {brokers: k1, topic: t}", "6:20", "`k1` is not a broker", "write host:port"),
        ("  kafka: {brokers: \"k1:0\", topic: t}", "6:20", "`k1:0` is not a broker", "write host:port"),
        (
            "  kafka: {brokers: \"k:1\", topic: t, properties: {sasl.password: hush}}", "6:65",
            "`sasl.password` stands in the definition itself", "name an environment variable"
        ),
        (
            "  kafka: {brokers: \"k:1\", topic: t, properties: {group.id: x}}", "6:50", "`group.id` is set by Martlet",
            "remove it"
        ),
        (
            "  kafka: {brokers: \"k:1\", topic: t, properties: {a: \"${1}\"}}", "6:53",
            "`${` names no environment variable", "write ${NAME}"
        ),
        (
            "  rabbitmq: {url: \"amqp://m:hush@h/%2F\", queue: q}", "6:19",
            "the password stands in the definition itself", "name an environment variable: amqp://USER:${PASSWORD}@"
        ),
        (
            "  rabbitmq: {url: \"http://h\", queue: q}", "6:19", "the URL does not begin with amqp://",
            "write amqp://"
        ),
        ("  rabbitmq: {url: \"amqp://h\", queue: q, prefetch: 0}", "6:51", "whole number from 1 to 65535", nil),
        (
            "  postgres: {url: \"postgresql://u@h/d?password=hush\", table: t}", "6:19",
            "the password stands in the definition itself", "name an environment variable"
        ),
        (
            "  postgres: {url: \"postgresql://u@h/d\", table: a.b.c}", "6:48", "`a.b.c` is not a table",
            "write SCHEMA.TABLE"
        ),
        (
            "  postgres: {url: \"postgresql://u@h/d\", table: t, slot: Up}", "6:57",
            "`Up` cannot be the name of a slot", "use up to 63"
        ),
        ("  nats: {url: x}", "6:3", "unknown key `nats` in from", nil),
        (
            "  kafka: {brokers: \"k:1\", topic: t}\n  rabbitmq: {url: \"amqp://h\", queue: q}", "6:3",
            "`from` has `kafka` and `rabbitmq`", "keep one of them"
        ),
    ]

    @Test("each mistake is told with its place and what to do, and never with a secret", arguments: mistakes.indices)
    func refuses(_ index: Int) {
        let (text, place, message, fix) = Self.mistakes[index]
        let faults = Self.check(text).faults
        #expect(
            faults.contains { fault in
                fault.place?.description == "a.yaml:\(place)" && fault.message.contains(message)
                    && (fix.map { fault.fix?.hasPrefix($0) == true } ?? true)
            }, "\(faults)")
        #expect(faults.allSatisfy { !$0.description.contains("hush") })
    }

    @Test("a changed origin is a change of the source, told by field")
    func difference() {
        let before = Self.check("  postgres: {url: \"${A}\", table: payments}").definitions
        let after = Self.check("  postgres: {url: \"${A}\", table: payments, slot: other}").definitions
        let text = RepositoryDiff(from: before, to: after).text
        #expect(text.hasPrefix("~ source payments: from.postgres.slot martlet_payments -> other"), "\(text)")
    }

    @Test("references are resolved only when asked, encoded within URLs; a missing one is named")
    func references() throws {
        let values = ["P": "a b/@:ü", "Q_1": "x"]
        func resolved(_ text: String, _ place: EnvironmentReferences.Place) throws -> String {
            try EnvironmentReferences.resolved(text, as: place) { values[$0] }
        }
        #expect(try resolved("u:${P}@h/${Q_1}$", .url) == "u:a%20b%2F%40%3A%C3%BC@h/x$")
        #expect(try resolved("${P}", .text) == "a b/@:ü")
        #expect(EnvironmentReferences.names(in: "${A}${B_2}$C") == ["A", "B_2"])
        for text in ["${", "${}", "${A", "${1A}", "${A-B}"] {
            #expect(EnvironmentReferences.names(in: text) == nil, "\(text)")
        }
        #expect { try resolved("${MISSING}", .url) } throws: { error in
            (error as? MartletError)?.message == "the environment variable MISSING is not set"
        }
    }
}
