/// Base64 (RFC 4648, with padding), as DynamoDB has binary values in its JSON.
enum Base64 {
    static func encoded(_ bytes: some Collection<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var bits: UInt32 = 0
        var count = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 1
            if count == 3 {
                for shift in [UInt32(18), 12, 6, 0] { text.append(digits[Int(bits >> shift & 63)]) }
                (bits, count) = (0, 0)
            }
        }
        if count > 0 {
            bits <<= UInt32(8 * (3 - count))
            for index in 0..<4 {
                text.append(index > count ? UInt8(ascii: "=") : digits[Int(bits >> UInt32(18 - 6 * index) & 63)])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends what the text stands for.
    /// - Returns: false where it is no base64.
    static func decode(_ text: String, to bytes: inout [UInt8]) -> Bool {
        var bits: UInt32 = 0
        var count = 0
        var padding = 0
        for digit in text.utf8 {
            let value = values[Int(digit)]
            if digit == UInt8(ascii: "=") {
                padding += 1
            } else if value == 255 || padding > 0 {
                return false
            }
            bits = bits << 6 | UInt32(digit == UInt8(ascii: "=") ? 0 : value)
            count += 1
            if count == 4 {
                guard padding <= 2 else { return false }
                for index in 0..<3 - padding { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(16 - 8 * index))) }
                (bits, count) = (0, 0)
            }
        }
        return count == 0
    }
}

private let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

private let values: [UInt8] = {
    var values = [UInt8](repeating: 255, count: 256)
    for (value, digit) in digits.enumerated() { values[Int(digit)] = UInt8(value) }
    return values
}()
