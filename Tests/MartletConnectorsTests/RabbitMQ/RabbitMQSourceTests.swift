import MartletConnectors
import MartletCore
import MartletTestSupport
import ServerTestSupport
import Synchronization
import Testing

@Suite("RabbitMQ with a real broker", .serialized)
struct RabbitMQSourceTests {
    private func body(_ number: Int) -> String { #"{"number":\#(number)}"# }

    private func publish(_ range: Range<Int>, _ publisher: RabbitMQPublisher, to queue: String) throws {
        for number in range { try publisher.publish(body(number), id: "m\(number)", to: queue) }
        try publisher.flush()
    }

    /// Every message at least once; those that came twice have the id of the first.
    private func expectAll(_ count: Int, _ sink: RecordingSink, queue: String) {
        let messages = sink.messages(of: "rabbitmq:\(queue)")
        var bodies: [[UInt8]: [UInt8]] = [:]
        for message in messages {
            guard case .bytes(let bytes) = message.payload else { continue }
            #expect(bodies.updateValue(bytes, forKey: message.id).map { $0 == bytes } ?? true)
        }
        #expect(bodies.count == count)
        for number in 0..<count where bodies[Array("m\(number)".utf8)] != Array(body(number).utf8) {
            Issue.record("message \(number) is missing")
            return
        }
    }

    @Test("messages are acknowledged once durable, and come again when the broker is killed before")
    func crash() throws {
        let server = try RabbitMQServer()
        let maker = try RabbitMQPublisher(url: server.url)
        try maker.declare("classic", isQuorum: false)
        try maker.declare("quorum", isQuorum: true)
        try server.waitUntilListed("quorum")
        for queue in ["classic", "quorum"] {
            let publisher = try RabbitMQPublisher(url: server.url)
            try publish(0..<3_000, publisher, to: queue)
            let sink = RecordingSink()
            var settings = RabbitMQSettings(source: "payments", url: server.url, queue: queue)
            settings.prefetch = 500
            sink.hold()
            let running = RunningConnector(RabbitMQSource(settings, sink: sink, limits: quickRetries, seed: 1))
            let isHeld = waitFor { sink.state.withLock { $0.held.isEmpty ? nil : true } }
            #expect(isHeld == true)
            // Read, not durable: the broker must still have all of it.
            server.kill()
            try server.start()
            let after = try RabbitMQPublisher(url: server.url)
            sink.release()
            try running.wait("the first part") { Set(sink.messages(of: "rabbitmq:\(queue)").map(\.id)).count == 3_000 }
            try publish(3_000..<5_000, after, to: queue)
            try running.wait("the second part") {
                Set(sink.messages(of: "rabbitmq:\(queue)").map(\.id)).count == 5_000
            }
            #expect(running.connector.status.reconnects > 0)
            #expect(running.connector.status.redeliveries > 0)
            #expect(sink.messages(of: "rabbitmq:\(queue)")[0].sentAt != nil)
            running.finish()
            #expect(try after.count(queue) == 0)
            expectAll(5_000, sink, queue: queue)
        }
    }

    @Test("a failed append is read again; what fails too often is handed on as poison")
    func poison() throws {
        let server = try RabbitMQServer()
        let publisher = try RabbitMQPublisher(url: server.url)
        for (queue, isQuorum) in [("classic", false), ("quorum", true)] {
            try publisher.declare(queue, isQuorum: isQuorum)
            try publish(0..<10, publisher, to: queue)
            let sink = RecordingSink()
            sink.fail(1_000_000)
            var settings = RabbitMQSettings(source: "payments", url: server.url, queue: queue)
            settings.deliveriesMaximum = 3
            let running = RunningConnector(RabbitMQSource(settings, sink: sink, limits: quickRetries, seed: 1))
            try running.wait("poison") { running.connector.status.poison > 0 }
            sink.stopFailing()
            try running.wait("all") { Set(sink.messages(of: "rabbitmq:\(queue)").map(\.id)).count == 10 }
            running.finish()
            #expect(sink.messages(of: "rabbitmq:\(queue)").allSatisfy { $0.poison?.contains("delivered") == true })
            #expect(try publisher.count(queue) == 0)
        }
    }

    @Test("a queue that is not there is waited for, and a wrong password is not told")
    func waiting() throws {
        let server = try RabbitMQServer()
        let sink = RecordingSink()
        let settings = RabbitMQSettings(source: "payments", url: server.url, queue: "later")
        let running = RunningConnector(RabbitMQSource(settings, sink: sink, limits: quickRetries, seed: 1))
        try running.wait("a refusal") { running.connector.status.reconnects > 0 }
        let publisher = try RabbitMQPublisher(url: server.url)
        try publisher.declare("later", isQuorum: true)
        try publish(0..<1, publisher, to: "later")
        try running.wait("the message") { sink.count == 1 }
        running.finish()

        let wrong = RabbitMQSettings(
            source: "payments", url: "amqp://guest:hush-hush@127.0.0.1:\(server.port)/%2F", queue: "later")
        let refused = RunningConnector(RabbitMQSource(wrong, sink: sink, limits: quickRetries, seed: 1))
        try refused.wait("a refusal") { refused.connector.status.lastError != nil }
        #expect(refused.connector.status.lastError?.contains("hush") == false)
        refused.finish()
    }
}
