internal import MartletCore

/// What brings the events of a source by itself. A source without one is filled by files and by pushing.
///
/// Secrets are references to environment variables, `${NAME}`, here and wherever a definition is stored or shown; only
/// whoever connects resolves them (`EnvironmentReferences`).
package enum SourceOrigin: Sendable, Hashable {
    case kafka(Kafka)
    case rabbitmq(RabbitMQ)
    case postgres(Postgres)

    package struct Kafka: Sendable, Hashable {
        /// `host:port` each.
        package var brokers: [String]
        package var topic: String
        package var group: String
        /// Further settings of librdkafka.
        package var properties: [String: String]

        package init(brokers: [String], topic: String, group: String, properties: [String: String] = [:]) {
            self.brokers = brokers
            self.topic = topic
            self.group = group
            self.properties = properties
        }
    }

    package struct RabbitMQ: Sendable, Hashable {
        package var url: String
        package var queue: String
        /// Messages that the broker sends ahead of acknowledgements.
        package var prefetch: Int
        /// Whether a quorum queue is made where there is none.
        package var declaresQueue: Bool

        package static let prefetchDefault = 2_000
        package static let prefetchRange: ClosedRange<Int64> = 1...65_535

        package init(url: String, queue: String, prefetch: Int = prefetchDefault, declaresQueue: Bool = false) {
            self.url = url
            self.queue = queue
            self.prefetch = prefetch
            self.declaresQueue = declaresQueue
        }
    }

    package struct Postgres: Sendable, Hashable {
        package var url: String
        /// `schema.table`.
        package var table: String
        package var slot: String
        package var publication: String

        package init(url: String, table: String, slot: String, publication: String) {
            self.url = url
            self.table = table
            self.slot = slot
            self.publication = publication
        }
    }

    package var kind: String {
        switch self {
        case .kafka: "kafka"
        case .rabbitmq: "rabbitmq"
        case .postgres: "postgres"
        }
    }
}
