internal import CKafka
internal import Glibc
internal import MartletCore

/// librdkafka's own broker double: real sockets and the real protocol on loopback, topics in memory, faults on demand.
/// It keeps 5 MiB of a partition.
///
/// `@unchecked Sendable`: librdkafka's handles may be used from any thread.
package final class KafkaMockCluster: @unchecked Sendable {
    /// Requests that may be answered with an error.
    package enum Request: Int16, Sendable {
        case produce = 0
        case fetch = 1
        case listOffsets = 2
        case metadata = 3
        case offsetCommit = 8
        case offsetFetch = 9
        case findCoordinator = 10
        case joinGroup = 11
        case heartbeat = 12
        case syncGroup = 14
    }

    /// Errors of the protocol that a client mends by trying again.
    package enum Fault: Int32, Sendable {
        case notLeader = 6
        case requestTimedOut = 7
        case coordinatorLoading = 14
        case coordinatorNotAvailable = 15
        case notCoordinator = 16
        case unknownMember = 25
        case rebalanceInProgress = 27
        case kafkaStorage = 56
    }

    private let client: OpaquePointer
    private let cluster: OpaquePointer
    package let brokers: String
    private let brokerCount: Int32

    package init(brokerCount: Int = 3) throws {
        self.brokerCount = Int32(brokerCount)
        client = try Self.client(["client.id": "double"])
        guard let made = rd_kafka_mock_cluster_new(client, Int32(brokerCount)) else {
            throw MartletError(.internalFault, "no mock cluster")
        }
        cluster = made
        brokers = String(cString: rd_kafka_mock_cluster_bootstraps(made))
    }

    deinit {
        rd_kafka_mock_cluster_destroy(cluster)
        rd_kafka_destroy(client)
    }

    package func createTopic(_ name: String, partitions: Int) {
        _ = rd_kafka_mock_topic_create(cluster, name, Int32(partitions), brokerCount)
    }

    /// The next requests of the kind are answered with the errors, one each.
    package func answer(_ request: Request, with faults: [Fault]) {
        let codes = faults.map { rd_kafka_resp_err_t($0.rawValue) }
        rd_kafka_mock_push_request_errors_array(cluster, request.rawValue, codes.count, codes)
    }

    package func setLeader(of topic: String, partition: Int, to broker: Int) {
        rd_kafka_mock_partition_set_leader(cluster, topic, Int32(partition), Int32(broker))
    }

    package func setCoordinator(ofGroup group: String, to broker: Int) {
        rd_kafka_mock_coordinator_set(cluster, "group", group, Int32(broker))
    }

    package func setDown(_ broker: Int) { rd_kafka_mock_broker_set_down(cluster, Int32(broker)) }
    package func setUp(_ broker: Int) { rd_kafka_mock_broker_set_up(cluster, Int32(broker)) }

    fileprivate static func client(_ settings: [String: String]) throws -> OpaquePointer {
        let configuration = rd_kafka_conf_new()
        var reason = [CChar](repeating: 0, count: 512)
        for (name, value) in settings.merging(["log_level": "0"], uniquingKeysWith: { $1 }) {
            rd_kafka_conf_set(configuration, name, value, &reason, reason.count)
        }
        guard let client = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, &reason, reason.count) else {
            throw MartletError(.internalFault, "no Kafka client")
        }
        return client
    }
}

/// Puts messages into topics; idempotent, so that faults make none twice.
package final class KafkaTestProducer {
    private let client: OpaquePointer

    package init(brokers: String) throws {
        client = try KafkaMockCluster.client([
            "bootstrap.servers": brokers, "enable.idempotence": "true", "linger.ms": "5",
            "queue.buffering.max.messages": "1000000",
        ])
    }

    deinit {
        rd_kafka_flush(client, 30_000)
        rd_kafka_destroy(client)
    }

    /// - Parameters:
    ///   - value: nil for a tombstone.
    ///   - milliseconds: when it was made; the client's clock without it.
    package func send(
        topic: String, partition: Int, key: [UInt8]?, value: [UInt8]?, headers: [(String, [UInt8])] = [],
        milliseconds: Int64 = 0
    ) throws {
        var list: OpaquePointer?
        if !headers.isEmpty {
            list = rd_kafka_headers_new(headers.count)
            for (name, content) in headers { rd_kafka_header_add(list, name, -1, content, content.count) }
        }
        while true {
            let code = topic.withCString { name in
                withBytes(key) { keyBytes in
                    withBytes(value) { valueBytes in
                        var arguments = [rd_kafka_vu_t](repeating: rd_kafka_vu_t(), count: 7)
                        arguments[0].vtype = RD_KAFKA_VTYPE_TOPIC
                        arguments[0].u.cstr = name
                        arguments[1].vtype = RD_KAFKA_VTYPE_PARTITION
                        arguments[1].u.i32 = Int32(partition)
                        arguments[2].vtype = RD_KAFKA_VTYPE_KEY
                        arguments[2].u.mem.ptr = UnsafeMutableRawPointer(mutating: keyBytes.baseAddress)
                        arguments[2].u.mem.size = keyBytes.count
                        arguments[3].vtype = RD_KAFKA_VTYPE_VALUE
                        arguments[3].u.mem.ptr = UnsafeMutableRawPointer(mutating: valueBytes.baseAddress)
                        arguments[3].u.mem.size = valueBytes.count
                        arguments[4].vtype = RD_KAFKA_VTYPE_MSGFLAGS
                        // RD_KAFKA_MSG_F_COPY
                        arguments[4].u.i = 2
                        arguments[5].vtype = RD_KAFKA_VTYPE_TIMESTAMP
                        arguments[5].u.i64 = milliseconds
                        arguments[6].vtype = RD_KAFKA_VTYPE_HEADERS
                        arguments[6].u.headers = list
                        return rd_kafka_error_code(
                            rd_kafka_produceva(client, &arguments, list == nil ? 6 : 7))
                    }
                }
            }
            if code == RD_KAFKA_RESP_ERR_NO_ERROR { return }
            guard code == RD_KAFKA_RESP_ERR__QUEUE_FULL else {
                throw MartletError(.internalFault, "cannot produce: \(String(cString: rd_kafka_err2str(code)))")
            }
            rd_kafka_poll(client, 50)
        }
    }

    package func flush() throws {
        guard rd_kafka_flush(client, 60_000) == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw MartletError(.internalFault, "not all messages were taken")
        }
    }

    private func withBytes<R>(_ bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        guard let bytes else { return body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        // An empty value is one; only a null pointer is none.
        return (bytes.isEmpty ? [0] : bytes).withUnsafeBytes { raw in
            body(UnsafeRawBufferPointer(rebasing: raw[..<bytes.count]))
        }
    }
}
