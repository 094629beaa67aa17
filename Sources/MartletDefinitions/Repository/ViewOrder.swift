internal import MartletCore

/// The order in which feature views are built: each after those that it names, views with rows before derived ones.
struct ViewOrder {
    /// A view as far as its names are concerned.
    struct Node {
        let name: String
        let isDerived: Bool
        /// What it names, with the place.
        let uses: [(name: String, place: MartletError.Place)]
    }

    /// Indices of the nodes; those that lead in a circle are left out.
    private(set) var indices: [Int] = []
    private(set) var faults = FaultList()

    private enum State { case unvisited, open, done, circular }

    private let nodes: [Node]
    private let positions: [String: Int]
    private var states: [State]
    private var path: [Int] = []

    init(_ nodes: [Node]) {
        self.nodes = nodes
        positions = Dictionary(nodes.enumerated().map { ($1.name, $0) }) { first, _ in first }
        states = Array(repeating: .unvisited, count: nodes.count)
        for index in nodes.indices where !nodes[index].isDerived { visit(index) }
        for index in nodes.indices where nodes[index].isDerived { visit(index) }
    }

    private mutating func visit(_ index: Int) {
        guard states[index] == .unvisited else { return }
        states[index] = .open
        path.append(index)
        defer { path.removeLast() }
        for use in nodes[index].uses {
            guard let other = positions[use.name] else { continue }
            // A view with rows cannot read a derived one: its builder says so.
            if nodes[other].isDerived, !nodes[index].isDerived { continue }
            if states[other] == .open {
                let start = path.firstIndex(of: other) ?? 0
                let circle = path[start...] + [other]
                let shown = circle.map { nodes[$0].name }.joined(separator: " -> ")
                faults.add("feature views read each other: \(shown)", at: use.place, fix: "break the circle")
                for member in circle { states[member] = .circular }
            } else if path.count >= ExpressionLimits.maximumDepth, states[other] == .unvisited {
                faults.add(
                    "feature views read each other in a chain longer than \(ExpressionLimits.maximumDepth)",
                    at: use.place, .limitExceeded)
                states[index] = .circular
            } else {
                visit(other)
            }
        }
        guard states[index] == .open else { return }
        states[index] = .done
        indices.append(index)
    }
}

extension ViewOrder.Node {
    /// - Parameter object: a feature view.
    init(_ name: String, _ object: CheckedObject) {
        self.name = name
        isDerived = object["derived"] != nil
        let reads = (object["reads"]?.list ?? []).compactMap { item in
            (item.text ?? item.object?.text("view")).map { (name: $0, place: item.object?.place("view") ?? item.place) }
        }
        let named = (object["derived"]?.map ?? []).flatMap { entry -> [(name: String, place: MartletError.Place)] in
            let value = entry.value.object?["expression"] ?? entry.value
            // What cannot be read is reported when it is built.
            guard let text = value.text, let syntax = try? ExpressionParser.parse(text) else { return [] }
            return syntax.names.compactMap { used in used.qualifier.map { ($0, value.place) } }
        }
        uses = reads + named.filter { $0.name != name && $0.name != "request" }
    }
}
