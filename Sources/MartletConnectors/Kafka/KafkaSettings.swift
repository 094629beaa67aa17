/// What a consumer of a Kafka topic needs to know.
package struct KafkaSettings: Sendable, Hashable {
    /// The source as it is declared.
    package var source: String
    /// `host:port`, several with commas between.
    package var brokers: String
    package var topic: String
    package var group: String
    /// Further settings of librdkafka, such as `security.protocol` and `sasl.password`: never shown, never stored.
    package var properties: [String: String] = [:]

    package init(source: String, brokers: String, topic: String, group: String) {
        self.source = source
        self.brokers = brokers
        self.topic = topic
        self.group = group
    }

    /// Under which the position of a partition is stored.
    package func stream(partition: Int32) -> String { "kafka:\(topic)/\(partition)" }
}
