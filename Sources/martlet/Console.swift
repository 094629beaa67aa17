internal import Glibc
internal import MartletCore
internal import Synchronization

/// Where results and progress go: results to standard output, everything else to standard error.
struct Console: Sendable {
    let isJSON: Bool
    /// Whether a person watches: progress bars appear only then.
    let isInteractive = isatty(STDERR_FILENO) == 1

    /// The result of a command: the JSON document with `--json`, else the text.
    func result(text: @autoclosure () -> String, json: (inout JSONWriter) -> Void) {
        if isJSON {
            var writer = JSONWriter()
            json(&writer)
            write(writer.text + "\n", to: STDOUT_FILENO)
        } else {
            let text = text()
            write(text.hasSuffix("\n") || text.isEmpty ? text : text + "\n", to: STDOUT_FILENO)
        }
    }

    /// A line for the person at the terminal; nothing with `--json`.
    func note(_ line: String) {
        if !isJSON { write(line + "\n", to: STDOUT_FILENO) }
    }

    func failure(_ error: any Error) {
        let error = error as? MartletError ?? MartletError(.internalFault, "\(error)")
        if isJSON {
            var writer = JSONWriter()
            writer.object { json in
                json.key("error")
                json.object {
                    $0.member("code", error.code.name)
                    $0.member("message", error.message)
                    if let place = error.place { $0.member("place", place.description) }
                    if let fix = error.fix { $0.member("fix", fix) }
                }
            }
            write(writer.text + "\n", to: STDERR_FILENO)
        } else {
            write("martlet: \(error)\n", to: STDERR_FILENO)
        }
    }

    var progress: any ProgressReporter { isInteractive && !isJSON ? ProgressBar() : SilentProgress() }
}

/// Writes all bytes, however many calls that takes. What a closed pipe does not take is dropped: nobody reads it.
func write(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { bytes in
        var rest = unsafe UnsafeRawBufferPointer(bytes)[...]
        while !rest.isEmpty {
            let written = unsafe Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if written < 0 {
                if errno == EINTR { continue }
                return
            }
            unsafe rest = rest.dropFirst(written)
        }
    }
}

/// One line on standard error that is drawn anew at most ten times a second.
final class ProgressBar: ProgressReporter {
    private let state = Mutex<(step: String, drawnNanoseconds: UInt64)>(("", 0))
    private let time = SystemTimeSource()

    deinit {
        if !state.withLock({ $0.step.isEmpty }) { write("\r\u{1B}[K", to: STDERR_FILENO) }
    }

    func report(_ step: String, done: Int, total: Int?) {
        state.withLock { state in
            let now = time.monotonicNanoseconds()
            let isLast = total == done
            guard isLast || step != state.step || now &- state.drawnNanoseconds > 100_000_000 else { return }
            state = (step, now)
            var line = "\r\u{1B}[K\(step) "
            if let total, total > 0 {
                let filled = min(30, 30 * done / total)
                line += "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: 30 - filled) + "] "
                line += "\(100 * done / total) %"
            } else {
                line += "\(done)"
            }
            write(line, to: STDERR_FILENO)
        }
    }
}
