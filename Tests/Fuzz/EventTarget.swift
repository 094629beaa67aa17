import MartletConnectors
import MartletCore
import MartletDefinitions
import MartletLog

/// Events as JSON. The first byte says in which form they come, and whether the source reads times by a pattern.
final class EventTarget: FuzzTarget {
    private let plain: EventDecoder
    private let patterned: EventDecoder

    init() throws {
        func source(_ more: [SourceColumn]) -> SourceDefinition {
            SourceDefinition(
                about: About(name: "events"),
                columns: DataType.scalars.map { SourceColumn(name: "f_\($0)", type: $0) }
                    + [
                        SourceColumn(name: "id", type: .int64, isNullable: false),
                        SourceColumn(name: "at", type: .timestamp, isNullable: false),
                        SourceColumn(name: "seen", type: .timestamp),
                    ] + more, eventTime: "at", arrivalTime: "seen", id: ["id"])
        }
        plain = EventDecoder(source([]), futureSkew: .hours(1))
        patterned = EventDecoder(
            source([SourceColumn(name: "day", type: .timestamp, format: "%y%m%d", zone: "Europe/Prague")]),
            futureSkew: .hours(1))
    }

    var seeds: [[UInt8]] {
        let event =
            #"{"id": 1, "f_bool": true, "f_int32": "7", "f_float32": 1e-3, "f_string": "ü\n", "f_bytes": "Zm9v","#
            + #" "f_timestamp": "2026-03-01T02:00:00+02:00", "at": "2026-03-01T00:00:00Z", "seen": null, "x": [1]}"#
        let deletion = #"{"op": "delete", "id": 2, "at": "2026-03-01", "day": "260301"}"#
        return (0..<6).flatMap { form -> [[UInt8]] in
            let text = form % 3 == 0 ? "[\(event), \(deletion)]" : "\(event)\n\n\(deletion)"
            return [[UInt8(form)] + Array(text.utf8), [UInt8(form)] + Array(deletion.utf8)]
        }
    }

    func run(_ bytes: UnsafeRawBufferPointer) {
        guard let form = bytes.first else { return }
        let decoder = form % 6 < 3 ? plain : patterned
        // A copy of its own, so that a read beyond it is one beyond its memory.
        let body = Array(bytes.dropFirst())
        let events = body.withUnsafeBytes { body -> DecodedEvents? in
            switch form % 3 {
            case 0: return try? decoder.decode(json: body, isPadded: false, now: FuzzViews.now)
            case 1: return decoder.decode(lines: body, isPadded: false, now: FuzzViews.now)
            default:
                var messages = ByteStrings()
                for line in body.split(separator: UInt8(ascii: "\n")) { messages.append(contentsOf: Array(line)) }
                return decoder.decode(messages: messages, now: FuzzViews.now)
            }
        }
        guard let events else { return }
        check(events, decoder)
    }

    private func check(_ events: DecodedEvents, _ decoder: EventDecoder) {
        guard events.columns.count == decoder.schema.fields.count,
            events.columns.allSatisfy({ $0.count == events.count })
        else { found("columns of different length") }
        guard events.arrivalTimes.count == events.count, events.operations.count == events.count,
            events.messages.count == events.count
        else { found("times, operations or messages of another number than the events") }
        guard
            Set(events.messages).count + events.misfits.count
                == Set(events.messages + events.misfits.map { Int32($0.message) }).count
        else { found("a message that is an event and a misfit") }
        guard !decoder.readsTexts else { return }
        guard decoder.source.eventIDs(events.columns, operations: events.operations).count == events.count else {
            found("identifiers of another number than the events")
        }
    }
}
