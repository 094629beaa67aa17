/// What a long piece of work reports while it runs. Cheap to call: once a chunk, never once a row.
package protocol ProgressReporter: Sendable {
    /// `done` of `total` units; `total` is nil where it is not known.
    func report(_ step: String, done: Int, total: Int?)
}

package struct SilentProgress: ProgressReporter {
    package init() {}
    package func report(_ step: String, done: Int, total: Int?) {}
}
