package import MartletCore
package import MartletDefinitions

/// Makes the connector that a source declares.
package struct ConnectorMaker: Sendable {
    private let sink: any RawMessageSink
    private let limits: ConnectorLimits
    private let time: any TimeSource
    private let environment: @Sendable (String) -> String?

    /// - Parameter environment: the value of an environment variable; nil where it is not set.
    package init(
        sink: any RawMessageSink, limits: ConnectorLimits = ConnectorLimits(),
        time: any TimeSource = SystemTimeSource(), environment: @escaping @Sendable (String) -> String?
    ) {
        self.sink = sink
        self.limits = limits
        self.time = time
        self.environment = environment
    }

    /// - Parameter seed: of the jitter between attempts.
    /// - Returns: nil for a source that nothing brings by itself.
    /// - Throws: `invalidSettings` where an environment variable is not set.
    package func connector(for source: SourceDefinition, seed: UInt64) throws(MartletError) -> (any Connector)? {
        let name = source.about.name
        switch source.origin {
        case nil: return nil
        case .kafka(let kafka):
            var settings = KafkaSettings(
                source: name, brokers: kafka.brokers.joined(separator: ","), topic: kafka.topic, group: kafka.group)
            for (key, value) in kafka.properties {
                settings.properties[key] = try resolved(value, as: .text)
            }
            return KafkaSource(settings, sink: sink, limits: limits, time: time, seed: seed)
        case .rabbitmq(let rabbitmq):
            var settings = RabbitMQSettings(source: name, url: try url(rabbitmq.url), queue: rabbitmq.queue)
            settings.prefetch = UInt16(clamping: rabbitmq.prefetch)
            settings.declaration = rabbitmq.declaresQueue ? .quorum : .passive
            return RabbitMQSource(settings, sink: sink, limits: limits, time: time, seed: seed)
        case .postgres(let postgres):
            let settings = ChangeCaptureSettings(
                source: name, url: try url(postgres.url), table: postgres.table, slot: postgres.slot,
                publication: postgres.publication)
            return ChangeCapture(settings, sink: sink, limits: limits, time: time, seed: seed)
        }
    }

    /// A reference that is all of a URL holds one; within a URL its characters must not be taken for the URL's own.
    private func url(_ text: String) throws(MartletError) -> String {
        try resolved(text, as: text.hasPrefix("${") ? .text : .url)
    }

    private func resolved(
        _ text: String, as place: EnvironmentReferences.Place
    ) throws(MartletError) -> String {
        try EnvironmentReferences.resolved(text, as: place, environment: environment)
    }
}
