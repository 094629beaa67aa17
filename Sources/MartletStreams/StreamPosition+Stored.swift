package import MartletOnline

extension StreamPosition {
    /// Up to where a store holds a view; nil where it does not follow the log. Reads nothing but the view's cursor.
    package init?(storedOf view: OnlineView, in store: any OnlineStore) throws {
        guard let cursor = try store.cursor(of: view.identity), cursor.isComplete,
            let position = StreamPosition(cursor.input)
        else { return nil }
        self = position
    }
}
