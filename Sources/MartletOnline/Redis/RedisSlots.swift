/// The slot of a key in a Redis cluster (Redis Cluster Specification, "Key distribution model"): CRC-16/XMODEM modulo
/// 16,384 of what stands between the first `{` and the first `}` after it, or of all where that is nothing.
func redisSlot(_ key: UnsafeRawBufferPointer) -> Int {
    var hashed = key
    if let open = key.firstIndex(of: UInt8(ascii: "{")),
        let close = key[(open + 1)...].firstIndex(of: UInt8(ascii: "}")), close > open + 1
    {
        hashed = UnsafeRawBufferPointer(rebasing: key[(open + 1)..<close])
    }
    var crc: UInt16 = 0
    for byte in hashed { crc = crc &<< 8 ^ crcTable[Int(UInt8(truncatingIfNeeded: crc &>> 8) ^ byte)] }
    return Int(crc & 16_383)
}

private let crcTable: [UInt16] = (0..<256).map { value in
    var crc = UInt16(value) << 8
    for _ in 0..<8 { crc = crc & 0x8000 != 0 ? crc << 1 ^ 0x1021 : crc << 1 }
    return crc
}

/// Which node has which slot, as far as is known.
struct RedisSlotMap: Sendable {
    typealias Endpoint = RedisSettings.Endpoint
    static let slotCount = 16_384

    private(set) var endpoints: [Endpoint] = []
    private var owners = [Int16](repeating: -1, count: slotCount)

    func owner(of slot: Int) -> Endpoint? { owners[slot] < 0 ? nil : endpoints[Int(owners[slot])] }

    mutating func set(_ endpoint: Endpoint, for slots: ClosedRange<Int>) {
        let index = endpoints.firstIndex(of: endpoint) ?? endpoints.count
        if index == endpoints.count { endpoints.append(endpoint) }
        for slot in slots { owners[slot] = Int16(index) }
    }

    /// Reads the reply to CLUSTER SLOTS.
    /// - Parameter asked: the node that answered: an empty host means itself.
    /// - Returns: nil where it is no such reply, or names no slot.
    init?(_ reply: RedisReply, asked: Endpoint) {
        guard let count = reply.count, count > 0 else { return nil }
        for index in 0..<count {
            let range = reply[index]
            guard let size = range.count, size >= 3, let first = range[0].integer, let last = range[1].integer,
                first >= 0, first <= last, last < Self.slotCount, let fields = range[2].count, fields >= 2,
                let port = range[2][1].integer
            else { return nil }
            let host = range[2][0].string ?? ""
            set(Endpoint(host: host.isEmpty ? asked.host : host, port: port), for: first...last)
        }
    }

    init() {}
}

/// What a node says of a command that it does not run.
enum RedisRedirection: Equatable {
    /// The slot lives elsewhere.
    case moved(slot: Int, RedisSettings.Endpoint)
    /// This key is already elsewhere, the slot not yet.
    case ask(RedisSettings.Endpoint)
    /// In a moment: the slot is on its way, the node loads its data, or the cluster elects a master.
    case later

    init?(_ error: String, asked: RedisSettings.Endpoint) {
        let parts = error.split(separator: " ")
        switch parts.first {
        case "MOVED", "ASK":
            guard parts.count >= 3, let slot = Int(parts[1]), (0..<RedisSlotMap.slotCount).contains(slot),
                let colon = parts[2].lastIndex(of: ":"), let port = Int(parts[2][parts[2].index(after: colon)...]),
                (1...65_535).contains(port)
            else { return nil }
            let host = String(parts[2][..<colon])
            let endpoint = RedisSettings.Endpoint(host: host.isEmpty ? asked.host : host, port: port)
            self = parts[0] == "ASK" ? .ask(endpoint) : .moved(slot: slot, endpoint)
        case "TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "READONLY": self = .later
        default: return nil
        }
    }
}
