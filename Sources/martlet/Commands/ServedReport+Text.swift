internal import MartletCore
internal import MartletPlatform

extension ServedReport {
    var text: String {
        let rows = Cause.allCases.map { [$0.rawValue, grouped(count($0))] }
        var text = table(["cause", "differences"], rows) + "\n"
        for mismatch in mismatches {
            text +=
                "  \(mismatch.feature) of \(mismatch.entity) at \(mismatch.servedAt): served \(mismatch.served), "
                + "computed \(mismatch.offline); \(mismatch.cause.rawValue)\n"
        }
        if notLanded > 0 { text += "  \(grouped(notLanded)) vectors wait for their events to be landed\n" }
        return text + (isExplained ? "explained" : "UNEXPLAINED")
            + ": \(grouped(values)) values of \(grouped(vectors)) vectors of \(service) compared bit for bit in "
            + "\(fixed(seconds, 2)) s"
    }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("service", service)
            json.member("explained", isExplained)
            json.member("vectors", vectors)
            json.member("values", values)
            json.member("not_landed", notLanded)
            json.member("seconds", seconds)
            json.key("causes")
            json.object { json in for cause in Cause.allCases { json.member(cause.rawValue, count(cause)) } }
            json.key("differences")
            json.array { json in
                for mismatch in mismatches {
                    json.object {
                        $0.member("feature", mismatch.feature)
                        $0.member("entity", mismatch.entity)
                        $0.member("served_at", mismatch.servedAt)
                        $0.member("served", mismatch.served)
                        $0.member("offline", mismatch.offline)
                        $0.member("cause", mismatch.cause.rawValue)
                        $0.member("snapshot", mismatch.snapshot)
                    }
                }
            }
        }
    }
}
