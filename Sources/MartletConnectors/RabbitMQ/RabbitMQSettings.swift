/// What a consumer of a RabbitMQ queue needs to know.
package struct RabbitMQSettings: Sendable, Hashable {
    /// What happens where the queue is not there.
    package enum Declaration: Sendable, Hashable {
        /// It is waited for: whoever owns the broker makes it.
        case passive
        /// It is made, replicated and durable.
        case quorum
    }

    /// The source as it is declared.
    package var source: String
    /// `amqp://user:password@host:port/virtual-host`; with the password in it: never shown, never stored.
    package var url: String
    package var queue: String
    /// Messages that the broker sends ahead of our acknowledgements, 1 to 65,535.
    package var prefetch: UInt16 = 2_000
    package var declaration = Declaration.passive
    package var heartbeatSeconds: Int32 = 30
    /// A message that comes more often is given up.
    package var deliveriesMaximum = 20

    package init(source: String, url: String, queue: String) {
        self.source = source
        self.url = url
        self.queue = queue
    }

    package var stream: String { "rabbitmq:\(queue)" }
}
