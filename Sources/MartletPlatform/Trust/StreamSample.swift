internal import MartletCore
internal import MartletDefinitions
internal import MartletFeatures
internal import MartletQuery
internal import MartletStreams

/// Entities of a view, drawn from all that the log speaks of, with their live events.
struct StreamSample {
    let keys: [Column]
    let computation: ViewComputation
    private let keyNames: [String]
    private let endOffset: Int64

    init(
        _ view: FeatureViewDefinition, _ answers: StreamedAnswers, _ position: StreamPosition, entities: Int,
        _ definitions: AppliedDefinitions, _ workspace: Workspace, _ random: inout SeededRandom
    ) throws {
        guard let name = view.source else { throw view.hasNoRows }
        let source = try definitions.source(name)
        let connection = try workspace.engine.connect()
        let arrived = try ArrivedRows(
            source, upTo: position.endOffset, readsLog: !answers.isLive, definitions, workspace, connection)
        func query(_ rows: String) throws -> ViewQuery {
            try connection.execute("CREATE OR REPLACE TEMP VIEW \(quotedIdentifier(name)) AS \(rows)")
            return try ViewQuery(
                view, keys: definitions.keys(of: view),
                relation: ViewRelation(view, source: source, connection: connection))
        }
        let all = try query(arrived.said)
        let list = all.keys.indices.map { "c\($0)" }.joined(separator: ", ")
        let seed = random.next() >> 1
        try connection.execute(
            """
            CREATE OR REPLACE TEMP TABLE _sample AS SELECT \(list) FROM (SELECT DISTINCT \(list) FROM (\(all.sql)))
            WHERE \(all.keys.indices.map { "c\($0) IS NOT NULL" }.joined(separator: " AND "))
            ORDER BY hash(\(list), \(seed)), \(list) LIMIT \(entities);
            CREATE OR REPLACE TEMP TABLE _sample_positions AS SELECT c\(all.keys.count + 2) AS position
            FROM (\(all.sql)) WHERE (\(list)) IN (SELECT (\(list)) FROM _sample)
            """)
        let live = try query(arrived.live(withIDsAt: "SELECT position FROM _sample_positions"))
        let counted = answers.counts(live, position)
        computation = try ViewComputation(
            view, live.load(connection, where: "(\(list)) IN (SELECT (\(list)) FROM _sample) AND \(counted)"))
        keys = Self.withStranger(try connection.query("SELECT * FROM _sample ORDER BY ALL").columns)
        keyNames = live.keys.map(\.name)
        endOffset = position.endOffset
    }

    /// And one that nobody has seen, where keys are int64.
    private static func withStranger(_ keys: [Column]) -> [Column] {
        guard keys.count == 1, case .int64(let values) = keys[0].values else { return keys }
        return [Column(.int64(values + [Int64.max]))]
    }

    func entity(_ row: Int) -> String {
        zip(keyNames, keys).map { "\($0)=\($1[row])" }.joined(separator: ",")
    }

    /// What is known of an entity that is served otherwise than it is computed.
    func cause(_ row: Int, mark: Int64) -> String {
        let events = (0..<computation.rows.count).filter { event in
            zip(computation.rows.keys, keys).allSatisfy { $0[event] == $1[row] }
        }
        let positions = events.map { computation.rows.positions[$0] }
        var text = "of the events before offset \(endOffset) \(events.count) are its own"
        if let first = positions.min(), let last = positions.max() { text += ", at offsets \(first) to \(last)" }
        return text + (mark < 0 ? "; nothing is stored of it" : "; its record counts those before offset \(mark)")
    }
}
