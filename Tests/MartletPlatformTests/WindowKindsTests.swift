import MartletCore
import MartletPlatform
import MartletQuery
import MartletRegistry
import MartletTestSupport
import Testing

private let definitions = """
    entity: user
    key: user
    type: string
    ---
    source: clicks
    columns:
      user: {type: string, nullable: false}
      amount: float64
      status: string
      at: {type: timestamp, nullable: false}
      seen: timestamp
    event_time: at
    arrival_time: seen
    ---
    features: kinds
    entity: user
    source: clicks
    windows: [1h]
    aggregates:
      whole: {function: sum, column: amount, tumbling: true}
      before: {function: sum, column: amount, lag: 1h}
      basket: {function: sum, column: amount, session: 20m}
      visits: {function: count, session: 20m, within: 10m}
      recent: {function: sum, column: amount, last: 3}
      good: {function: sum, column: amount, where: "status = 'ok'", windows: [1d]}
      bad: {function: count, where: "status = 'bad'"}
      since_bad: {function: time_since_last, where: "status = 'bad'"}
      states: {function: histogram, column: status, windows: [1d]}
      big_states: {function: count, by: status, where: amount > 2, windows: [1d]}
    ---
    service: all
    features: [kinds]
    """

private let rows = """
    user,amount,status,at,seen
    ann,1,ok,2026-03-01T10:00:00Z,2026-03-01T10:00:00Z
    ann,2,bad,2026-03-01T10:10:00Z,2026-03-01T10:10:00Z
    ann,4,ok,2026-03-01T10:50:00Z,2026-03-01T11:07:00Z
    ann,8,bad,2026-03-01T11:05:00Z,2026-03-01T11:05:00Z

    """

@Suite("The kinds of windows")
struct WindowKindsTests {
    private func values(at time: String, asKnown: Bool = false) throws -> [String] {
        let test = try TestRepository(definitions)
        try test.ingest("clicks", csv: rows)
        test.folder.write("user,event_timestamp\nann,\(time)\n", to: "labels.csv")
        var request = TrainingSetRequest(service: "all", labels: test.path("labels.csv"))
        request.asKnown = asKnown
        let set = try test.workspace.trainingSet(request)
        return zip(set.rows.schema.names, set.rows.columns).dropFirst(2).map { "\($0) \($1[0])" }
    }

    @Test("hold the events that their definitions say")
    func held() throws {
        #expect(
            try values(at: "2026-03-01T11:10:00Z") == [
                "whole_1h 7.0", "before_1h 1.0", "basket_session_20m 12.0", "visits_session_20m 1",
                "recent_last_3 14.0", "good_1d 5.0", "bad_1h 2", "since_bad_1h 300.0", "states_1d {bad: 2, ok: 2}",
                "big_states_1d {bad: 1, ok: 1}",
            ])
    }

    @Test("are empty once their events are too old")
    func empty() throws {
        #expect(
            try values(at: "2026-03-01T12:30:00Z") == [
                "whole_1h 8.0", "before_1h 12.0", "basket_session_20m 0.0", "visits_session_20m 0",
                "recent_last_3 14.0", "good_1d 5.0", "bad_1h 0", "since_bad_1h null", "states_1d {bad: 2, ok: 2}",
                "big_states_1d {bad: 1, ok: 1}",
            ])
    }

    @Test("follow only the events that had arrived")
    func known() throws {
        // The third click is not known yet: the session is the fourth alone.
        let known = try values(at: "2026-03-01T11:06:00Z", asKnown: true)
        #expect(known[2] == "basket_session_20m 8.0" && known[4] == "recent_last_3 11.0")
    }
}
