internal import MartletCore

/// The `martlet` tool: finds the command, runs it, turns an error into one message and an exit status.
enum CommandLineTool {
    static let version = "0.1.0"

    static let commands: [Command] = [
        .plan, .apply, .rollback, .history, .synth, .ingest, .deadLetters, .tables, .trainingSet, .datasets, .train,
        .materialize, .replay, .getOnline, .serve, .status, .bench, .verify, .explain, .demo, .simulate,
    ]

    static func run(_ arguments: [String]) -> Int32 {
        guard let name = arguments.first else {
            write(overview, to: 2)
            return MartletError.Code.usage.exitStatus
        }
        switch name {
        case "--help", "-h", "help":
            if arguments.count > 1, let command = commands.first(where: { $0.name == arguments[1] }) {
                write(command.help, to: 1)
            } else {
                write(overview, to: 1)
            }
            return 0
        case "--version", "version":
            write("martlet \(version)\n", to: 1)
            return 0
        default: break
        }
        let rest = Array(arguments.dropFirst())
        let console = Console(isJSON: rest.contains("--json"))
        guard let command = commands.first(where: { $0.name == name }) else {
            let nearest = nearestName(to: name, among: commands.map(\.name))
            console.failure(
                MartletError(
                    .usage, "there is no command \(name)",
                    fix: nearest.map { "did you mean martlet \($0)?" } ?? "see martlet --help"))
            return MartletError.Code.usage.exitStatus
        }
        if rest.prefix(while: { $0 != "--" }).contains("--help") {
            write(command.help, to: 1)
            return 0
        }
        do {
            return try command.run(try Invocation(rest, command: command))
        } catch {
            console.failure(error)
            return (error as? MartletError)?.code.exitStatus ?? MartletError.Code.internalFault.exitStatus
        }
    }

    private static var overview: String {
        var text = """
            martlet: events in; governed, tested, versioned features out, the same in training and at request time.

            Usage: martlet COMMAND [options]

            Commands:

            """
        let width = commands.map(\.name.count).max() ?? 0
        for command in commands {
            text +=
                "  \(command.name)\(String(repeating: " ", count: width - command.name.count + 2))\(command.summary)\n"
        }
        return text + """

            martlet COMMAND --help explains a command by example. Start with: martlet demo
            Exit status: 0 done, 1 a check or comparison failed, 2 wrong use, 3 wrong input, 4 environment,
            5 a fault of Martlet.

            """
    }
}
