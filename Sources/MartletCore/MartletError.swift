/// What went wrong, for a program (`code`), for a person (`message`), where (`place`) and why (`cause`).
///
/// Never holds a feature's value or a secret. The codes are listed with their exit statuses in `docs/errors.md`.
package struct MartletError: Error, Sendable {
    /// A stable identifier of the kind of failure; new codes may be added, none is ever reused.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        package let name: String
        /// What the process ends with: 1 failed check or comparison, 2 wrong use, 3 wrong input, 4 environment, 5
        /// internal.
        package let exitStatus: Int32

        package init(_ name: String, exitStatus: Int32) {
            self.name = name
            self.exitStatus = exitStatus
        }

        package var description: String { name }
    }

    /// Where in the user's input the fault lies.
    package struct Place: Sendable, Hashable, CustomStringConvertible {
        package var file: String
        /// Counted from 1; nil where the whole file is meant.
        package var line: Int?
        package var column: Int?

        package init(file: String, line: Int? = nil, column: Int? = nil) {
            self.file = file
            self.line = line
            self.column = column
        }

        package var description: String {
            [file, line?.description, column?.description].compactMap { $0 }.joined(separator: ":")
        }
    }

    package let code: Code
    package let message: String
    package let place: Place?
    /// What to do about it, one sentence; nil where nothing is known.
    package let fix: String?
    package let cause: (any Error)?

    package init(_ code: Code, _ message: String, place: Place? = nil, fix: String? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.place = place
        self.fix = fix
        self.cause = cause
    }
}

extension MartletError.Code {
    // 1: the answer is no
    package static let checkFailed = Self("check-failed", exitStatus: 1)
    package static let valuesDiffer = Self("values-differ", exitStatus: 1)
    package static let labelLeakage = Self("label-leakage", exitStatus: 1)
    // 2: wrong use
    package static let usage = Self("usage", exitStatus: 2)
    package static let unknownName = Self("unknown-name", exitStatus: 2)
    package static let limitExceeded = Self("limit-exceeded", exitStatus: 2)
    // 3: wrong input
    package static let invalidDefinition = Self("invalid-definition", exitStatus: 3)
    package static let invalidSettings = Self("invalid-settings", exitStatus: 3)
    package static let invalidInput = Self("invalid-input", exitStatus: 3)
    package static let typeMismatch = Self("type-mismatch", exitStatus: 3)
    package static let missingColumn = Self("missing-column", exitStatus: 3)
    package static let missingTimeZone = Self("missing-time-zone", exitStatus: 3)
    package static let stalePlan = Self("stale-plan", exitStatus: 3)
    package static let conflict = Self("conflict", exitStatus: 3)
    package static let notFound = Self("not-found", exitStatus: 3)
    // 4: the environment
    package static let fileSystem = Self("file-system", exitStatus: 4)
    package static let diskFull = Self("disk-full", exitStatus: 4)
    package static let portInUse = Self("port-in-use", exitStatus: 4)
    package static let missingLibrary = Self("missing-library", exitStatus: 4)
    package static let corruptData = Self("corrupt-data", exitStatus: 4)
    package static let storeUnavailable = Self("store-unavailable", exitStatus: 4)
    package static let cancelled = Self("cancelled", exitStatus: 4)
    // 5: a fault of Martlet itself
    package static let internalFault = Self("internal", exitStatus: 5)
}

extension MartletError: CustomStringConvertible {
    /// `place: message (code). Fix. Because: cause`, on one line where the parts are on one line.
    package var description: String {
        var text = place.map { "\($0): " } ?? ""
        text += "\(message) [\(code)]"
        if let fix { text += "\n  fix: \(fix)" }
        if let cause { text += "\n  because: \(cause)" }
        return text
    }
}
