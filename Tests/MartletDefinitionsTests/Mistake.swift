import MartletCore
import Testing

/// A part of the example, changed so that it is wrong, and what must be said about it.
struct Mistake: Sendable, CustomTestStringConvertible {
    let replace: String
    let with: String
    /// `line:column` of the fault.
    let place: String
    let message: String
    /// With what the fix begins; nil where it does not matter.
    let fix: String?
    let code: MartletError.Code

    init(
        _ replace: String, _ with: String, _ place: String, _ message: String, fix: String? = nil,
        _ code: MartletError.Code = .invalidDefinition
    ) {
        self.replace = replace
        self.with = with
        self.place = place
        self.message = message
        self.fix = fix
        self.code = code
    }

    var testDescription: String { with }

    func isFound(in faults: [MartletError]) -> Bool {
        faults.contains { fault in
            fault.place?.description == "a.yaml:\(place)" && fault.message.contains(message) && fault.code == code
                && (fix.map { fault.fix?.hasPrefix($0) == true } ?? true)
        }
    }
}

extension String {
    /// nil where the text does not occur: a test that changes nothing tests nothing.
    func replacingFirst(_ text: String, by other: String) -> String? {
        guard let range = ranges(of: text).first else { return nil }
        return String(self[..<range.lowerBound]) + other + String(self[range.upperBound...])
    }
}
