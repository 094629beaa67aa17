internal import CKafka
internal import MartletCore

/// librdkafka's consumer. Belongs to one thread: its callbacks come while that thread polls.
final class KafkaConsumer {
    /// What happens while polling.
    protocol Listener: AnyObject {
        /// - Returns: the offset to begin at for each partition; nil for what the group has committed.
        func startOffset(partition: Int32) -> Int64?
        /// - Parameter isLost: whether somebody else may have the partitions already.
        func willRevoke(partitions: [Int32], isLost: Bool)
        func didFail(_ error: MartletError)
    }

    let handle: OpaquePointer
    private let queue: OpaquePointer
    private let topic: String
    private weak var listener: (any Listener)?
    private(set) var assigned: [Int32] = []
    private var buffer = [UnsafeMutablePointer<rd_kafka_message_t>?](repeating: nil, count: 1_000)
    private var isOpen = true

    init(_ settings: KafkaSettings, wake: WakePipe) throws(MartletError) {
        topic = settings.topic
        var properties = settings.properties
        // What exactly-once rests on is not for settings.
        properties.merge([
            "bootstrap.servers": settings.brokers, "group.id": settings.group, "enable.auto.commit": "false",
            "enable.auto.offset.store": "false", "auto.offset.reset": "earliest",
            "partition.assignment.strategy": "range", "isolation.level": "read_committed",
        ]) { $1 }
        for (name, value) in [
            ("client.id", "martlet"), ("queued.max.messages.kbytes", "16384"), ("fetch.wait.max.ms", "100"),
            ("reconnect.backoff.ms", "100"), ("reconnect.backoff.max.ms", "10000"), ("log_level", "0"),
        ] where properties[name] == nil { properties[name] = value }
        let configuration = rd_kafka_conf_new()
        var reason = [CChar](repeating: 0, count: 512)
        for (name, value) in properties.sorted(by: { $0.key < $1.key }) {
            guard rd_kafka_conf_set(configuration, name, value, &reason, reason.count) == RD_KAFKA_CONF_OK else {
                rd_kafka_conf_destroy(configuration)
                // librdkafka's sentence may quote the value.
                throw MartletError(.invalidSettings, "Kafka's setting `\(name)` is not one, or its value is none of it")
            }
        }
        let box = KafkaListenerBox()
        rd_kafka_conf_set_opaque(configuration, Unmanaged.passUnretained(box).toOpaque())
        rd_kafka_conf_set_rebalance_cb(configuration, kafkaRebalanced)
        rd_kafka_conf_set_error_cb(configuration, kafkaFailed)
        guard let made = rd_kafka_new(RD_KAFKA_CONSUMER, configuration, &reason, reason.count) else {
            rd_kafka_conf_destroy(configuration)
            throw MartletError(.storeUnavailable, "no Kafka consumer could be made")
        }
        handle = made
        rd_kafka_poll_set_consumer(made)
        queue = rd_kafka_queue_get_consumer(made)
        self.box = box
        box.consumer = self
        rd_kafka_queue_io_event_enable(queue, wake.writeDescriptor, "k", 1)
    }

    /// Lives as long as the handle, which points to it.
    private let box: KafkaListenerBox

    deinit { close() }

    func subscribe(_ listener: any Listener) throws(MartletError) {
        self.listener = listener
        let topics = rd_kafka_topic_partition_list_new(1)
        defer { rd_kafka_topic_partition_list_destroy(topics) }
        // RD_KAFKA_PARTITION_UA: any partition.
        rd_kafka_topic_partition_list_add(topics, topic, -1)
        try Self.check(rd_kafka_subscribe(handle, topics), "cannot subscribe")
    }

    /// Calls the body with what has come, in the order of each partition. Does not wait. Must be called often enough
    /// for the group to know that we live (`max.poll.interval.ms`, 5 minutes).
    /// - Returns: how many there were.
    func poll(_ body: (borrowing KafkaMessage) -> Void) -> Int {
        let count = rd_kafka_consume_batch_queue(queue, 0, &buffer, buffer.count)
        guard count > 0 else { return 0 }
        for index in 0..<Int(count) {
            guard let message = buffer[index] else { continue }
            let code = message.pointee.err
            if code != RD_KAFKA_RESP_ERR_NO_ERROR {
                listener?.didFail(Self.error(code, "Kafka says"))
            } else if assigned.contains(message.pointee.partition) {
                body(KafkaMessage(message))
            }
            rd_kafka_message_destroy(message)
        }
        return Int(count)
    }

    /// Stops or goes on fetching; what was fetched and not polled is then fetched again.
    func setPaused(_ isPaused: Bool) {
        withPartitions(assigned.map { ($0, -1) }) { list in
            _ = isPaused ? rd_kafka_pause_partitions(handle, list) : rd_kafka_resume_partitions(handle, list)
        }
    }

    /// Tells the group, without waiting for its answer.
    func commit(_ offsets: [(partition: Int32, offset: Int64)]) {
        guard !offsets.isEmpty else { return }
        withPartitions(offsets) { list in _ = rd_kafka_commit(handle, list, 1) }
    }

    /// The offset behind the last message of a partition, as the last fetch has told it.
    func endOffset(partition: Int32) -> Int64? {
        var low: Int64 = -1
        var high: Int64 = -1
        guard rd_kafka_get_watermark_offsets(handle, topic, partition, &low, &high) == RD_KAFKA_RESP_ERR_NO_ERROR,
            high >= 0
        else { return nil }
        return high
    }

    /// Leaves the group, giving the partitions away by `willRevoke`, and ends.
    func close() {
        guard isOpen else { return }
        isOpen = false
        rd_kafka_queue_io_event_enable(queue, -1, nil, 0)
        rd_kafka_consumer_close(handle)
        rd_kafka_queue_destroy(queue)
        rd_kafka_destroy(handle)
    }

    fileprivate func rebalance(
        _ code: rd_kafka_resp_err_t, _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>
    ) {
        let partitions = (0..<Int(list.pointee.cnt)).map { list.pointee.elems[$0].partition }
        if code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            for index in partitions.indices {
                if let offset = listener?.startOffset(partition: partitions[index]) {
                    list.pointee.elems[index].offset = offset
                }
            }
            assigned = partitions
            rd_kafka_assign(handle, list)
        } else {
            listener?.willRevoke(partitions: partitions, isLost: rd_kafka_assignment_lost(handle) != 0)
            assigned = []
            rd_kafka_assign(handle, nil)
        }
    }

    fileprivate func fail(_ code: rd_kafka_resp_err_t) {
        listener?.didFail(Self.error(code, "Kafka says"))
    }

    private func withPartitions(
        _ offsets: [(partition: Int32, offset: Int64)],
        _ body: (UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?) -> Void
    ) {
        let list = rd_kafka_topic_partition_list_new(Int32(offsets.count))
        defer { rd_kafka_topic_partition_list_destroy(list) }
        for (partition, offset) in offsets {
            rd_kafka_topic_partition_list_add(list, topic, partition)?.pointee.offset = offset
        }
        body(list)
    }

    private static func check(_ code: rd_kafka_resp_err_t, _ what: String) throws(MartletError) {
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw error(code, what) }
    }

    /// The name of the failure, which holds no data.
    private static func error(_ code: rd_kafka_resp_err_t, _ what: String) -> MartletError {
        let isFinal =
            code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED || code == RD_KAFKA_RESP_ERR__INVALID_ARG
        return MartletError(
            isFinal ? .invalidSettings : .storeUnavailable, "\(what): \(String(cString: rd_kafka_err2str(code)))")
    }
}

/// What librdkafka's callbacks are given: they come before and while the consumer is complete.
private final class KafkaListenerBox {
    weak var consumer: KafkaConsumer?
}

private func kafkaRebalanced(
    _ handle: OpaquePointer?, _ code: rd_kafka_resp_err_t,
    _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?, _ opaque: UnsafeMutableRawPointer?
) {
    guard let opaque, let list else { return }
    Unmanaged<KafkaListenerBox>.fromOpaque(opaque).takeUnretainedValue().consumer?.rebalance(code, list)
}

private func kafkaFailed(
    _ handle: OpaquePointer?, _ code: Int32, _ reason: UnsafePointer<CChar>?, _ opaque: UnsafeMutableRawPointer?
) {
    guard let opaque else { return }
    Unmanaged<KafkaListenerBox>.fromOpaque(opaque).takeUnretainedValue().consumer?.fail(rd_kafka_resp_err_t(code))
}
