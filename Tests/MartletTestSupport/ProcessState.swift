internal import Glibc

/// Whether a process still runs: one that has ended counts as gone although nobody has waited for it.
package func isRunning(_ process: Int) -> Bool {
    let line = String(decoding: fileBytes("/proc/\(process)/stat"), as: UTF8.self)
    // Behind the name, which stands in parentheses and may hold anything.
    guard let state = line.split(separator: ")").last?.split(separator: " ").first else { return false }
    return state != "Z" && state != "X"
}

/// Waits for a value.
/// - Returns: nil where there is none within `seconds`.
package func waitFor<T>(seconds: Int = 60, _ value: () -> T?) -> T? {
    for _ in 0..<(seconds * 100) {
        if let found = value() { return found }
        usleep(10_000)
    }
    return nil
}
