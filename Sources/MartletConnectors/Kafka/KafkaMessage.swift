internal import CKafka
internal import MartletCore

/// A message as librdkafka has it, valid only while it is being handed on.
struct KafkaMessage: ~Copyable {
    private let message: UnsafeMutablePointer<rd_kafka_message_t>

    init(_ message: UnsafeMutablePointer<rd_kafka_message_t>) { self.message = message }

    var partition: Int32 { message.pointee.partition }
    var offset: Int64 { message.pointee.offset }

    /// A copy of it. A message without a value is a tombstone: its key is deleted.
    func copy(id: String, limitBytes: Int) -> RawMessage {
        let key = message.pointee.key.map { bytes($0, message.pointee.key_len) }
        guard let payload = message.pointee.payload else {
            var raw = RawMessage(.delete, key: key, payload: .bytes([]))
            complete(&raw, id)
            return raw
        }
        var value = UnsafeRawBufferPointer(start: payload, count: message.pointee.len)
        var schemaID: UInt32?
        // A zero and four bytes of a number before the value: what serializers of schema registries write. No JSON
        // begins with a zero.
        if value.count > 5, value[0] == 0 {
            schemaID = UInt32(bigEndian: value.loadUnaligned(fromByteOffset: 1, as: UInt32.self))
            value = UnsafeRawBufferPointer(rebasing: value[5...])
        }
        var raw = RawMessage(.insert, key: key, payload: .bytes(Array(value)))
        raw.schemaID = schemaID
        if value.count > limitBytes { raw.poison = "the message is longer than \(limitBytes) bytes" }
        complete(&raw, id)
        return raw
    }

    private func complete(_ raw: inout RawMessage, _ id: String) {
        raw.id = Array(id.utf8)
        var kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let milliseconds = rd_kafka_message_timestamp(message, &kind)
        if kind != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE, milliseconds >= 0, milliseconds < Int64.max / 1_000 {
            raw.sentAt = Timestamp(microseconds: milliseconds * 1_000)
        }
        var headers: OpaquePointer?
        guard rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR, let headers else { return }
        var index = 0
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var count = 0
        while rd_kafka_header_get_all(headers, index, &name, &value, &count) == RD_KAFKA_RESP_ERR_NO_ERROR {
            raw.headers.append(
                .init(
                    name: name.map { String(cString: $0) } ?? "", value: value.map { bytes($0, count) } ?? []))
            index += 1
        }
    }

    private func bytes(_ start: UnsafeRawPointer, _ count: Int) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: start, count: count))
    }
}
