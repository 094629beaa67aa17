import MartletCore
import MartletOnline

/// A record of the online store, sealed with a checksum that fits: what a damaged disk would need luck for. The first
/// byte says of which view it is taken to be.
final class RecordTarget: FuzzTarget {
    private let views: FuzzViews

    init() throws { views = try FuzzViews() }

    var seeds: [[UInt8]] {
        [views.latestRecord, views.windowedRecord].enumerated().flatMap { index, record in
            [[UInt8(index)] + record, [UInt8(index)] + record.prefix(RecordHeader.byteCount)]
        }
    }

    func run(_ bytes: UnsafeRawBufferPointer) {
        guard let form = bytes.first else { return }
        var record = Array(bytes.dropFirst())
        check(form, record)
        guard record.count >= RecordHeader.byteCount else { return }
        let mark = record.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 32, as: Int64.self).littleEndian }
        record = RecordHeader.marked(record, mark)
        check(form, record)
    }

    private func check(_ form: UInt8, _ record: [UInt8]) {
        let view = form % 2 == 0 ? views.latest : views.windowed
        let store = FixedStore([(view.identity, record)])
        let keys =
            form % 2 == 0
            ? [Column(.int64([1, 2, 1])), Column(.string(ByteStrings(["a", "b", "a"])))] : [Column(.int64([1, 2, 1]))]
        do {
            let answer = try store.read(view, keys: keys, at: FuzzViews.now)
            guard answer.columns.allSatisfy({ $0.count == 3 }), answer.statuses.allSatisfy({ $0.count == 3 }) else {
                found("columns of different length")
            }
            for column in answer.columns { for row in 0..<3 { _ = column[row].description } }
        } catch let error as MartletError {
            guard error.code == .corruptData || error.code == .conflict else { found("the error \(error)") }
        } catch {
            found("a foreign error: \(error)")
        }
    }
}
