/// A numbered step of a schema, with the way back.
package struct Migration: Sendable, Hashable {
    /// Counted from 1 without gaps.
    package let number: Int
    package let name: String
    package let up: String
    package let down: String

    package init(number: Int, name: String, up: String, down: String) {
        self.number = number
        self.name = name
        self.up = up
        self.down = down
    }

    /// FNV-1a of the scripts (Fowler, Noll, Vo), in hexadecimal: a script must not change once it was applied anywhere.
    var fingerprint: String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(name)\u{0}\(up)\u{0}\(down)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// What takes a schema from one number to another.
package struct MigrationPlan: Sendable, Hashable {
    package struct Step: Sendable, Hashable, CustomStringConvertible {
        package enum Direction: String, Sendable, Hashable { case up, down }

        package let migration: Migration
        package let direction: Direction

        package var sql: String { direction == .up ? migration.up : migration.down }
        /// `up 2 add runs`.
        package var description: String { "\(direction.rawValue) \(migration.number) \(migration.name)" }
    }

    package let from: Int
    package let to: Int
    package let steps: [Step]

    package var isEmpty: Bool { steps.isEmpty }
}
