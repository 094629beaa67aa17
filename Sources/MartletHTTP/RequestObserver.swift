/// Told of every answer; called on the server's threads and must be quick.
package protocol RequestObserver: Sendable {
    /// - Parameters:
    ///   - route: the index in `Router.routes`; nil where no route matched.
    ///   - nanoseconds: from the moment the request was complete until its answer was handed to the library.
    func answered(route: Int?, status: Int, nanoseconds: UInt64)
}
