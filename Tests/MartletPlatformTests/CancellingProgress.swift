import MartletCore

/// Cancels what reports to it when it comes to a step.
final class CancellingProgress: ProgressReporter {
    let cancellation = Cancellation()
    private let step: String
    private let waitsForRows: Bool

    /// - Parameters:
    ///   - step: what the step's name begins with.
    ///   - afterRows: whether not at the step's start, but when some of it is done.
    init(at step: String, afterRows: Bool = false) {
        self.step = step
        waitsForRows = afterRows
    }

    func report(_ step: String, done: Int, total: Int?) {
        if step.hasPrefix(self.step), done > 0 || !waitsForRows { cancellation.cancel() }
    }
}
