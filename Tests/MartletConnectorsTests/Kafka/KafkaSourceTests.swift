import MartletConnectors
import MartletCore
import MartletLog
import ServerTestSupport
import Testing

/// A topic in librdkafka's mock cluster and what a consumer made of it.
final class KafkaFixture {
    let cluster: KafkaMockCluster
    let producer: KafkaTestProducer
    let sink = RecordingSink()
    let settings: KafkaSettings
    let partitions: Int
    private var sent: [Int: Int] = [:]

    init(partitions: Int = 4) throws {
        self.partitions = partitions
        cluster = try KafkaMockCluster()
        cluster.createTopic("payments", partitions: partitions)
        producer = try KafkaTestProducer(brokers: cluster.brokers)
        var settings = KafkaSettings(
            source: "payments", brokers: cluster.brokers, topic: "payments", group: "martlet")
        settings.properties = [
            "session.timeout.ms": "6000", "heartbeat.interval.ms": "500", "reconnect.backoff.max.ms": "500",
            "topic.metadata.refresh.interval.ms": "1000", "socket.timeout.ms": "3000",
        ]
        self.settings = settings
    }

    func start(_ limits: ConnectorLimits = quickRetries) -> RunningConnector {
        RunningConnector(KafkaSource(settings, sink: sink, limits: limits, seed: 1))
    }

    var total: Int { sent.values.reduce(0, +) }

    /// Numbered within each partition.
    func send(_ count: Int) throws {
        for index in 0..<count {
            let partition = index % partitions
            let number = sent[partition, default: 0]
            sent[partition] = number + 1
            try producer.send(
                topic: "payments", partition: partition, key: Array("k\(number)".utf8),
                value: Array(#"{"partition":\#(partition),"number":\#(number)}"#.utf8))
        }
    }

    /// Every message once and in the order of its partition.
    func expectAll(_ comment: String) throws {
        for partition in 0..<partitions {
            let stream = settings.stream(partition: Int32(partition))
            let got = sink.messages(of: stream).map { message -> String in
                if case .bytes(let bytes) = message.payload { String(decoding: bytes, as: UTF8.self) } else { "?" }
            }
            let count = sent[partition, default: 0]
            let wanted = (0..<count).map { #"{"partition":\#(partition),"number":\#($0)}"# }
            #expect(got.count == count, "\(comment): partition \(partition)")
            #expect(got == wanted, "\(comment): partition \(partition)")
            if count > 0 {
                #expect(
                    sink.positions[stream] == SourcePosition(stream: stream, bytes: Array("\(count)".utf8)),
                    "\(comment)")
            }
        }
    }
}

@Suite("Kafka by librdkafka's mock cluster", .serialized)
struct KafkaSourceTests {
    @Test("a message keeps its key, headers, schema id and time; one without a value deletes its key")
    func contents() throws {
        let fixture = try KafkaFixture(partitions: 1)
        try fixture.producer.send(
            topic: "payments", partition: 0, key: Array("a".utf8), value: [0, 0, 0, 1, 2] + Array("{}".utf8),
            headers: [("trace", Array("t1".utf8)), ("empty", [])], milliseconds: 1_700_000_000_123)
        try fixture.producer.send(topic: "payments", partition: 0, key: Array("a".utf8), value: nil)
        try fixture.producer.send(topic: "payments", partition: 0, key: nil, value: Array("{}".utf8))
        try fixture.producer.flush()
        let running = fixture.start()
        try running.wait("three messages") { fixture.sink.count == 3 }
        running.finish()
        let messages = fixture.sink.messages(of: "kafka:payments/0")
        #expect(messages.map(\.operation) == [.insert, .delete, .insert])
        #expect(messages[0].payload == .bytes(Array("{}".utf8)))
        #expect(messages[0].schemaID == 258)
        #expect(messages[0].key == Array("a".utf8))
        #expect(messages[0].sentAt == Timestamp(microseconds: 1_700_000_000_123_000))
        #expect(
            messages[0].headers == [.init(name: "trace", value: Array("t1".utf8)), .init(name: "empty", value: [])])
        #expect(messages[1].key == Array("a".utf8) && messages[1].payload == .bytes([]))
        #expect(messages[2].key == nil && messages[2].schemaID == nil)
        #expect(messages.map { String(decoding: $0.id, as: UTF8.self) } == (0..<3).map { "kafka:payments/0/\($0)" })
        #expect(running.connector.status.state == .stopped)
        #expect(running.connector.status.messages == 3)
    }

    @Test("stopping and starting goes on behind the stored positions, whatever the group was told")
    func restarts() throws {
        let fixture = try KafkaFixture()
        for round in 1...3 {
            try fixture.send(2_000)
            try fixture.producer.flush()
            let running = fixture.start()
            try running.wait("round \(round)") { fixture.sink.count >= fixture.total }
            running.finish()
        }
        try fixture.expectAll("restarts")
    }

    @Test("a failed append leaves no gap: what was read is read again; a full sink is asked again")
    func failingSink() throws {
        let fixture = try KafkaFixture()
        try fixture.send(8_000)
        try fixture.producer.flush()
        fixture.sink.beBusy(every: 5)
        fixture.sink.fail(2, every: 3)
        var limits = quickRetries
        limits.appendMessages = 500
        let running = fixture.start(limits)
        try running.wait("all") { fixture.sink.count >= fixture.total }
        #expect(running.connector.status.reconnects >= 2)
        running.finish()
        try fixture.expectAll("failing sink")
    }

    @Test("reading stops at the limit while nothing becomes durable, and goes on after")
    func backPressure() throws {
        let fixture = try KafkaFixture()
        try fixture.send(8_000)
        try fixture.producer.flush()
        fixture.sink.hold()
        var limits = quickRetries
        limits.appendMessages = 1_000
        let running = fixture.start(limits)
        try running.wait("a pause") { running.connector.status.state == .paused }
        #expect(fixture.sink.count == 0)
        fixture.sink.release()
        try running.wait("all") { fixture.sink.count >= fixture.total }
        try running.wait("no lag") {
            running.connector.status.lags.count == fixture.partitions
                && running.connector.status.lags.allSatisfy { $0.messages == 0 }
        }
        running.finish()
        try fixture.expectAll("back-pressure")
    }

    @Test("requests that fail, brokers that go, leaders and coordinators that change lose and repeat nothing")
    func faults() throws {
        let fixture = try KafkaFixture()
        let running = fixture.start()
        func step(_ name: String, _ fault: () -> Void) throws {
            fault()
            try fixture.send(1_000)
            try fixture.producer.flush()
            try running.wait(name) { fixture.sink.count >= fixture.total }
        }
        try step("nothing") {}
        try step("failing fetches") {
            fixture.cluster.answer(.fetch, with: [.requestTimedOut, .kafkaStorage, .notLeader, .requestTimedOut])
        }
        try step("failing commits") {
            fixture.cluster.answer(.offsetCommit, with: [.coordinatorLoading, .notCoordinator, .requestTimedOut])
        }
        try step("failing heartbeats") {
            fixture.cluster.answer(.heartbeat, with: [.notCoordinator, .rebalanceInProgress, .unknownMember])
        }
        try step("other leaders") {
            for partition in 0..<fixture.partitions {
                fixture.cluster.setLeader(of: "payments", partition: partition, to: 1 + (partition + 1) % 3)
            }
        }
        try step("another coordinator") { fixture.cluster.setCoordinator(ofGroup: "martlet", to: 2) }
        fixture.cluster.setDown(3)
        for partition in 0..<fixture.partitions {
            fixture.cluster.setLeader(of: "payments", partition: partition, to: 1 + partition % 2)
        }
        fixture.cluster.setCoordinator(ofGroup: "martlet", to: 1)
        try step("a broker down") {}
        try step("the broker up") { fixture.cluster.setUp(3) }
        running.finish()
        try fixture.expectAll("faults")
    }

    @Test("a second member takes partitions over where the first one ended, and gives them back")
    func rebalance() throws {
        let fixture = try KafkaFixture()
        let first = fixture.start()
        try fixture.send(4_000)
        try fixture.producer.flush()
        try first.wait("the first part") { fixture.sink.count >= fixture.total }
        let second = fixture.start()
        try second.wait("its share") { second.connector.status.state == .streaming }
        for _ in 0..<5 {
            try fixture.send(2_000)
            try fixture.producer.flush()
        }
        try first.wait("both parts") { fixture.sink.count >= fixture.total }
        first.finish()
        try fixture.send(2_000)
        try fixture.producer.flush()
        try second.wait("the rest") { fixture.sink.count >= fixture.total }
        #expect(second.connector.status.messages > 0)
        second.finish()
        try fixture.expectAll("rebalance")
    }

    @Test("a setting that is none ends it with its name, not its value")
    func settings() throws {
        var settings = KafkaSettings(source: "s", brokers: "127.0.0.1:1", topic: "t", group: "g")
        settings.properties = ["sasl.mechanism.of.mine": "hush"]
        let running = RunningConnector(KafkaSource(settings, sink: RecordingSink(), seed: 1))
        try running.wait("an end") { running.connector.status.state == .failed }
        let message = running.connector.status.lastError ?? ""
        #expect(message.contains("sasl.mechanism.of.mine") && !message.contains("hush"))
        running.finish()
    }
}
