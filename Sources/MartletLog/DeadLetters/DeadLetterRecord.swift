internal import MartletCore

/// What is written for a dead letter: it itself when it is new, and then each change of its state.
enum DeadLetterRecord {
    static let source = "dead-letters"

    /// A letter as an event's payload.
    static func bytes(_ letter: DeadLetter) -> [UInt8] {
        var bytes: [UInt8] = [letter.state.rawValue]
        bytes.appendNumber(UInt32(clamping: letter.attempts))
        bytes.appendNumber(letter.firstTime.microseconds)
        bytes.appendNumber(letter.lastTime.microseconds)
        bytes.appendNumber(letter.nextAttempt?.microseconds ?? .min)
        bytes.append(letter.position == nil ? 0 : 1)
        for text in [
            Array(letter.source.utf8), Array(letter.reason.utf8), letter.original,
            Array((letter.position?.stream ?? "").utf8), letter.position?.bytes ?? [],
        ] {
            bytes.appendNumber(UInt32(text.count))
            bytes += text
        }
        return bytes
    }

    /// - Returns: nil where the bytes are no letter.
    static func letter(_ slice: ArraySlice<UInt8>, number: Int64) -> DeadLetter? {
        Array(slice).withUnsafeBytes { bytes in
            guard bytes.count >= 30, let state = DeadLetter.State(rawValue: bytes[0]) else { return nil }
            var place = 30
            var texts: [[UInt8]] = []
            for _ in 0..<5 {
                guard place + 4 <= bytes.count else { return nil }
                let length = Int(bytes.load(place, as: UInt32.self))
                guard length <= bytes.count - place - 4 else { return nil }
                texts.append(Array(bytes[place + 4..<place + 4 + length]))
                place += 4 + length
            }
            var letter = DeadLetter(
                source: String(decoding: texts[0], as: UTF8.self), reason: String(decoding: texts[1], as: UTF8.self),
                original: texts[2],
                position: bytes[29] == 0
                    ? nil : SourcePosition(stream: String(decoding: texts[3], as: UTF8.self), bytes: texts[4]))
            letter.number = number
            letter.state = state
            letter.attempts = Int(bytes.load(1, as: UInt32.self))
            letter.firstTime = Timestamp(microseconds: bytes.load(5))
            letter.lastTime = Timestamp(microseconds: bytes.load(13))
            let next: Int64 = bytes.load(21)
            letter.nextAttempt = next == .min ? nil : Timestamp(microseconds: next)
            return letter
        }
    }
}
