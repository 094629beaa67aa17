/// Names of the files in `_delta_log`.
enum LogFileName: Sendable, Hashable {
    case commit(Int64)
    /// A checkpoint in one file, or part `part` of `parts` (counted from 1).
    case checkpoint(Int64, part: Int, parts: Int)

    static let folder = "_delta_log/"
    static let lastCheckpoint = "_last_checkpoint"

    static func commitName(_ version: Int64) -> String { padded(version, 20) + ".json" }
    static func checkpointName(_ version: Int64) -> String { padded(version, 20) + ".checkpoint.parquet" }

    /// nil for everything else that may lie in the folder.
    init?(_ name: some StringProtocol) {
        let parts = name.split(separator: ".")
        guard let first = parts.first, first.utf8.count == 20, let version = Int64(first), version >= 0 else {
            return nil
        }
        switch parts.count {
        case 2 where parts[1] == "json": self = .commit(version)
        case 3 where parts[1] == "checkpoint" && parts[2] == "parquet":
            self = .checkpoint(version, part: 1, parts: 1)
        case 5 where parts[1] == "checkpoint" && parts[4] == "parquet":
            guard let part = Int(parts[2]), let count = Int(parts[3]), (1...max(1, count)).contains(part) else {
                return nil
            }
            self = .checkpoint(version, part: part, parts: count)
        default: return nil
        }
    }

    private static func padded(_ version: Int64, _ width: Int) -> String {
        let digits = version.description
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
