internal import CRabbitMQ
internal import MartletCore

/// A delivered message, copied.
struct RabbitMQDelivery {
    let tag: UInt64
    let isRedelivered: Bool
    /// How often a quorum queue has sent it before; nil for queues that do not count.
    private(set) var deliveredBefore: Int?
    private(set) var message: RawMessage

    init(_ envelope: amqp_envelope_t) {
        tag = envelope.delivery_tag
        isRedelivered = envelope.redelivered != 0
        message = RawMessage(.insert, payload: .bytes(Self.bytes(envelope.message.body)))
        let properties = envelope.message.properties
        func has(_ bit: UInt32) -> Bool { properties._flags & bit != 0 }
        // AMQP_BASIC_MESSAGE_ID_FLAG and its neighbours: bits by the place of the property.
        if has(1 << 7) { message.id = Self.bytes(properties.message_id) }
        if has(1 << 6), properties.timestamp <= UInt64(Int64.max / 1_000_000) {
            message.sentAt = Timestamp(microseconds: Int64(properties.timestamp) * 1_000_000)
        }
        if has(1 << 13) {
            for index in 0..<Int(properties.headers.num_entries) {
                let entry = properties.headers.entries[index]
                let name = String(decoding: Self.bytes(entry.key), as: UTF8.self)
                if name == "x-delivery-count" { deliveredBefore = Self.integer(entry.value).map { Int($0) } }
                message.headers.append(.init(name: name, value: Self.text(entry.value)))
            }
        }
    }

    mutating func giveUp(_ reason: String) { message.poison = reason }

    private static func bytes(_ bytes: amqp_bytes_t) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: bytes.bytes, count: bytes.len))
    }

    private static func integer(_ value: amqp_field_value_t) -> Int64? {
        switch amqp_field_value_kind_t(rawValue: UInt32(value.kind)) {
        case AMQP_FIELD_KIND_I8: Int64(value.value.i8)
        case AMQP_FIELD_KIND_U8: Int64(value.value.u8)
        case AMQP_FIELD_KIND_I16: Int64(value.value.i16)
        case AMQP_FIELD_KIND_U16: Int64(value.value.u16)
        case AMQP_FIELD_KIND_I32: Int64(value.value.i32)
        case AMQP_FIELD_KIND_U32: Int64(value.value.u32)
        case AMQP_FIELD_KIND_I64: value.value.i64
        default: nil
        }
    }

    /// Texts and numbers as text; tables and lists are left out.
    private static func text(_ value: amqp_field_value_t) -> [UInt8] {
        switch amqp_field_value_kind_t(rawValue: UInt32(value.kind)) {
        case AMQP_FIELD_KIND_UTF8, AMQP_FIELD_KIND_BYTES: bytes(value.value.bytes)
        case AMQP_FIELD_KIND_BOOLEAN: Array((value.value.boolean != 0 ? "true" : "false").utf8)
        default: integer(value).map { Array("\($0)".utf8) } ?? []
        }
    }
}
