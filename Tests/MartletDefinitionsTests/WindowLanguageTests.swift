import MartletCore
import MartletDefinitions
import Testing

@Suite("Windows in definitions")
struct WindowLanguageTests {
    private func repository(_ aggregate: String) -> RepositoryText {
        let text = """
            entity: user
            key: user
            type: int64
            ---
            source: clicks
            columns: {user: int64, amount: float64, at: timestamp}
            event_time: at
            ---
            features: f
            entity: user
            source: clicks
            windows: [1h]
            aggregates:
              a: \(aggregate)
            """
        return RepositoryText(checking: [.init(path: "a.yaml", text: text)]) { _ in .success("") }
    }

    private func aggregate(_ text: String) throws -> WindowAggregate {
        let definition = try #require(repository(text).definitions.last)
        #expect(try Definition(canonical: definition.canonicalText) == definition, "\(text)")
        guard case .features(let view) = definition, case .windowed(let list) = view.features else {
            preconditionFailure("a windowed view")
        }
        return list[0]
    }

    @Test("tumble, lag, follow sessions, hold the newest rows and are filtered")
    func kinds() throws {
        let tumbling = try aggregate("{function: count, tumbling: true, windows: [1d, 7d]}")
        #expect(tumbling.shape == .tumbling && tumbling.windows == [.days(1), .days(7)])
        #expect(try aggregate("{function: count, lag: 1d}").lag == .days(1))
        let session = try aggregate("{function: sum, column: amount, session: 30m}")
        #expect(session.shape == .session(gap: .minutes(30)) && session.windows == [.days(1)])
        #expect(session.featureName(session.windows[0]) == "a_session_30m")
        let newest = try aggregate("{function: mean, column: amount, last: 10, within: 90d}")
        #expect(newest.shape == .newest(10) && newest.windows == [.days(90)])
        #expect(newest.featureName(newest.windows[0]) == "a_last_10")
        let filtered = try aggregate("{function: sum, column: amount, where: amount > 5}")
        #expect(filtered.inputs == [AggregateInput(column: "amount", type: .float64, filter: "amount > 5")])
        #expect(try aggregate("{function: count, where: amount > 5}").inputs.map(\.name) == ["* where amount > 5"])
        #expect(try aggregate("count").inputs.isEmpty)
    }

    @Test(
        "are refused where their parts do not go together",
        arguments: [
            ("{function: count, session: 30m, last: 3}", "has both `session` and `last`"),
            ("{function: count, last: 3, windows: [1d]}", "follows its events and has no `windows`"),
            ("{function: count, session: 30m, lag: 1d}", "follows its events and has no `lag`"),
            ("{function: count, within: 30m}", "has `within` but neither"),
            ("{function: count, session: 0s}", "is not positive"),
            ("{function: count, last: 0}", "must be a whole number from 1"),
            ("{function: count, lag: 0s}", "the lag 0s is not between"),
            ("{function: count, where: \"amount > 5; SELECT 1\"}", "`where` is not one expression"),
        ])
    func refused(text: String, message: String) {
        let faults = repository(text).faults
        #expect(faults.contains { $0.message.contains(message) }, "\(faults)")
    }
}
