/// One command of the tool: what `--help` shows and what runs.
struct Command: Sendable {
    let name: String
    /// One line, without a full stop.
    let summary: String
    /// The words after the command's name: `SOURCE FILE…`.
    let operands: String
    /// What it does, in a few sentences.
    let discussion: String
    let options: [Option]
    /// Lines to type, each with a comment that says what it is for.
    let examples: [(line: String, purpose: String)]
    /// - Returns: the exit status.
    let run: @Sendable (Invocation) throws -> Int32

    init(
        _ name: String, _ summary: String, operands: String = "", discussion: String = "", options: [Option] = [],
        examples: [(line: String, purpose: String)] = [], run: @escaping @Sendable (Invocation) throws -> Int32
    ) {
        self.name = name
        self.summary = summary
        self.operands = operands
        self.discussion = discussion
        self.options = options
        self.examples = examples
        self.run = run
    }
}

struct Option: Sendable {
    let name: String
    /// nil for a switch.
    let placeholder: String?
    let help: String

    init(_ name: String, _ placeholder: String? = nil, _ help: String) {
        self.name = name
        self.placeholder = placeholder
        self.help = help
    }
}

extension Option {
    /// The options that every command takes.
    static let common = [
        Option("repository", "DIR", "the feature repository (default: the current folder)"),
        Option("json", nil, "print one JSON document instead of text"),
        Option("help", nil, "show this text"),
    ]
}

extension Command {
    var help: String {
        var text = "martlet \(name): \(summary)\n\nUsage: martlet \(name)"
        if !operands.isEmpty { text += " \(operands)" }
        text += " [options]\n"
        if !discussion.isEmpty { text += "\n\(discussion)\n" }
        text += "\nOptions:\n"
        let all = options + Option.common
        let titles = all.map { "--\($0.name)" + ($0.placeholder.map { " \($0)" } ?? "") }
        let width = titles.map(\.count).max() ?? 0
        for (title, option) in zip(titles, all) {
            text += "  \(title)\(String(repeating: " ", count: width - title.count + 2))\(option.help)\n"
        }
        if !examples.isEmpty {
            text += "\nExamples:\n"
            for example in examples { text += "  # \(example.purpose)\n  \(example.line)\n" }
        }
        return text
    }
}
