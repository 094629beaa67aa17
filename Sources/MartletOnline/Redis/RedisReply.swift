internal import CHiredis

/// A reply as hiredis parsed it; its owner frees it once.
struct RedisReply {
    private let pointer: UnsafeMutablePointer<redisReply>

    init(_ raw: UnsafeMutableRawPointer) { pointer = raw.assumingMemoryBound(to: redisReply.self) }

    func free() { freeReplyObject(pointer) }

    private func isType(_ type: Int32) -> Bool { pointer.pointee.type == type }

    /// The text of an error.
    var error: String? { isType(REDIS_REPLY_ERROR) ? text : nil }

    var integer: Int? { isType(REDIS_REPLY_INTEGER) ? Int(pointer.pointee.integer) : nil }

    /// The bytes of a string, valid until the reply is freed.
    var bytes: UnsafeRawBufferPointer? {
        guard isType(REDIS_REPLY_STRING) || isType(REDIS_REPLY_STATUS) else { return nil }
        return UnsafeRawBufferPointer(start: pointer.pointee.str, count: pointer.pointee.len)
    }

    var string: String? { bytes == nil ? nil : text }

    private var text: String {
        String(decoding: UnsafeRawBufferPointer(start: pointer.pointee.str, count: pointer.pointee.len), as: UTF8.self)
    }

    /// The number of elements of an array; nil for anything else.
    var count: Int? { isType(REDIS_REPLY_ARRAY) ? pointer.pointee.elements : nil }

    subscript(index: Int) -> RedisReply {
        precondition(index < pointer.pointee.elements, "the reply has that element")
        guard let element = pointer.pointee.element[index] else { preconditionFailure("hiredis left out an element") }
        return RedisReply(element)
    }
}

/// The replies to the commands of a batch, freed together.
final class RedisReplies {
    private var replies: [RedisReply?]

    init(count: Int) { replies = Array(repeating: nil, count: count) }

    deinit { for reply in replies { reply?.free() } }

    func set(_ reply: RedisReply, at index: Int) {
        replies[index]?.free()
        replies[index] = reply
    }

    subscript(index: Int) -> RedisReply {
        guard let reply = replies[index] else { preconditionFailure("a command of the batch has no reply") }
        return reply
    }
}
