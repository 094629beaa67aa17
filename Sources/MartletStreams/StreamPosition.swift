internal import MartletOnline
internal import Synchronization

/// Where following the log goes on.
package struct StreamPosition: Sendable, Hashable {
    /// Events with smaller offsets are counted, but for those that wait.
    package var endOffset: Int64
    /// The offsets of events that had not happened yet.
    package var waiting: [Int64]

    package init(endOffset: Int64, waiting: [Int64] = []) {
        self.endOffset = endOffset
        self.waiting = waiting
    }

    /// The first offset to read.
    package var first: Int64 { min(endOffset, waiting.min() ?? endOffset) }

    private static let prefix = "log@"

    /// Whether a view's last load says that it follows the log.
    package static func isNamed(by input: String) -> Bool { input.hasPrefix(prefix) }

    /// As the input of a load.
    var text: String {
        Self.prefix + endOffset.description
            + (waiting.isEmpty ? "" : ";" + waiting.map(\.description).joined(separator: ","))
    }

    init?(_ text: String) {
        guard Self.isNamed(by: text) else { return nil }
        let parts = text.dropFirst(Self.prefix.count).split(separator: ";")
        guard let first = parts.first, let end = Int64(first) else { return nil }
        endOffset = end
        waiting = parts.count > 1 ? parts[1].split(separator: ",").compactMap { Int64($0) } : []
    }
}

extension StreamedView {
    /// Goes on from what the store holds of the view.
    /// - Returns: nil where the view did not follow the log before: then it is to begin.
    package func resume() throws -> StreamPosition? {
        guard let position = try stored() else { return nil }
        begin(at: position)
        return position
    }

    /// Up to where the store holds the view; nil where it does not follow the log.
    package func stored() throws -> StreamPosition? { try StreamPosition(storedOf: view, in: store) }

    /// Goes on from a position whose events before it are in the store already.
    package func begin(at position: StreamPosition) {
        feed.withLock {
            $0.endOffset = position.endOffset
            $0.resumedWaiting = Set(position.waiting)
        }
    }
}
