import MartletCore
import MartletDefinitions
import MartletFeatures
import Testing

@Suite("Random expressions")
struct ExpressionPropertyTests {
    @Test("equal the naive oracle row by row, bit for bit", arguments: 0..<24 as Range<UInt64>)
    func oracle(number: UInt64) throws {
        let seed = 0xE0_5EED + number
        var source = RandomExpressions(random: SeededRandom(seed: seed, stream: 0))
        let count = number == 0 ? 4_100 : 60
        let columns = Dictionary(
            uniqueKeysWithValues: ExpressionBench.inputs.map { ($0.name, source.column($0.type, count)) })
        let expressions = (0..<(number == 0 ? 3 : 25)).map { (name: "e\($0)", expression: source.expression()) }
        let program = ExpressionProgram(expressions, of: "v")
        let inputs = program.inputs.compactMap { input -> Column? in
            if case .request(let name) = input { columns[name] } else { nil }
        }
        let results = try program.evaluate(inputs, count: count)
        for row in 0..<count {
            let values = ExpressionBench.inputs.map { field in
                (ExpressionInput.request(field.name), columns[field.name]?[row] ?? .null)
            }
            let oracle = ExpressionOracle(row: Dictionary(uniqueKeysWithValues: values))
            for (index, made) in expressions.enumerated() {
                let (found, expected) = (results[index][row], oracle.value(made.expression))
                guard isSame(found, expected) else {
                    Issue.record(
                        "seed \(seed), row \(row): \(found) is not \(expected) for \(made.expression) of \(values)")
                    return
                }
            }
        }
    }

    @Test("give each row the same whether it is computed alone or among others", arguments: 0..<5 as Range<UInt64>)
    func alone(number: UInt64) throws {
        let seed = 0xA1_05EED + number
        var source = RandomExpressions(random: SeededRandom(seed: seed, stream: 0))
        let count = 4_200
        let expressions = (0..<40).map { (name: "e\($0)", expression: source.expression()) }
        let program = ExpressionProgram(expressions, of: "v")
        let inputs = program.inputs.map { input -> Column in
            guard case .request(let name) = input, let field = ExpressionBench.inputs.first(where: { $0.name == name })
            else { return Column(.bool([])) }
            return source.column(field.type, count)
        }
        let together = try program.evaluate(inputs, count: count)
        for row in [0, 1, 63, 64, 4_095, 4_096, 4_199] {
            let alone = try program.evaluate(inputs.map { $0.gathering(fitting: [Int32(row)]) }, count: 1)
            for index in expressions.indices {
                #expect(
                    isSame(alone[index][0], together[index][row]), "seed \(seed), row \(row): \(expressions[index])")
            }
        }
    }

    private func isSame(_ left: Value, _ right: Value) -> Bool {
        if case (.float64(let a), .float64(let b)) = (left, right) { return a.bitPattern == b.bitPattern }
        return left == right && left.description.utf8.elementsEqual(right.description.utf8)
    }
}
