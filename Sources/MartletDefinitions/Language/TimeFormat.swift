internal import MartletCore

/// The conversions of DuckDB's `strptime` (its documentation, "Date Format Functions").
private let conversions: Set<Character> = Set("aAwdbBmyYHIpMSgfnzZjUWcxX%Guv")
private let conversionsWithoutPadding: Set<Character> = Set("dmyHIMSj")

func checkTimeFormat(_ pattern: String, hasZone: Bool, at place: MartletError.Place, _ faults: inout FaultList) {
    var rest = Substring(pattern)
    var used: Set<Character> = []
    while let percent = rest.firstIndex(of: "%") {
        rest = rest[rest.index(after: percent)...]
        let isUnpadded = rest.first == "-"
        if isUnpadded { rest = rest.dropFirst() }
        guard let letter = rest.first, (isUnpadded ? conversionsWithoutPadding : conversions).contains(letter) else {
            faults.add(
                "the time format has an unknown part `%\(isUnpadded ? "-" : "")\(rest.first.map(String.init) ?? "")`",
                at: place, fix: "use the letters of strptime, such as %Y-%m-%d %H:%M:%S")
            return
        }
        used.insert(letter)
        rest = rest.dropFirst()
    }
    if used.isDisjoint(with: ["d", "j", "c", "x", "u", "w", "a", "A"])
        || used.isDisjoint(with: ["y", "Y", "c", "x", "G"])
    {
        faults.add("the time format `\(pattern)` does not name a day and a year", at: place, fix: "such as %Y-%m-%d")
    }
    let namesZone = used.contains("z") || used.contains("Z")
    if !namesZone, !hasZone {
        faults.add(
            "the time format `\(pattern)` has no time zone", at: place, fix: "add `zone: UTC` or the zone of the data",
            .missingTimeZone)
    }
    if namesZone, hasZone {
        faults.add("the time format `\(pattern)` has its own time zone", at: place, fix: "remove `zone`")
    }
}

/// Whether the text has the form of an IANA zone name; whether the zone exists is known where the data is read.
func isZoneName(_ text: String) -> Bool {
    guard let first = text.utf8.first, (65...90).contains(first), text.utf8.count <= 64 else { return false }
    return text.utf8.allSatisfy { byte in
        (65...90).contains(byte) || (97...122).contains(byte) || (48...57).contains(byte) || "/_+-".utf8.contains(byte)
    }
}
