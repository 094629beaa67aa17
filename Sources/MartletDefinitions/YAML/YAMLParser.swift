internal import CYAML
package import MartletCore

/// The documents of a YAML file, and what is wrong with it.
package struct YAMLFile: Sendable {
    /// The documents that have content, up to the first syntax error.
    package var documents: [YAMLNode] = []
    package var faults: [MartletError] = []
    /// Whether the file was read to its end.
    package var isComplete = false

    /// Never throws: what cannot be read is a fault with its place.
    /// - Parameter code: the code of the faults.
    package init(
        parsing bytes: [UInt8], file: String, limits: YAMLLimits = YAMLLimits(),
        code: MartletError.Code = .invalidDefinition
    ) {
        guard bytes.count <= limits.maximumSizeBytes else {
            faults.append(
                MartletError(
                    .limitExceeded,
                    "the file has \(bytes.count) bytes, more than the limit of \(limits.maximumSizeBytes)",
                    place: .init(file: file), fix: "split it into several files"))
            return
        }
        var composer = YAMLComposer(file: file, limits: limits, code: code)
        composer.parse(bytes)
        documents = composer.documents
        faults = composer.faults
        isComplete = composer.isComplete
    }
}

/// Builds nodes from the events of libyaml with a stack of its own, so that no input can exhaust the thread's stack.
private struct YAMLComposer {
    let file: String
    let limits: YAMLLimits
    let code: MartletError.Code
    var documents: [YAMLNode] = []
    var faults: [MartletError] = []
    var isComplete = false
    private var stack: [Frame] = []
    private var nodeCount = 0

    private struct Frame {
        var place: MartletError.Place
        var items: [YAMLNode] = []
        /// nil in a list.
        var entries: [YAMLEntry]?
        var keys: [String: MartletError.Place] = [:]
        var pendingKey: (text: String, place: MartletError.Place)?
    }

    /// What ends the reading of a file.
    private struct Stop: Error { let fault: MartletError }

    init(file: String, limits: YAMLLimits, code: MartletError.Code) {
        self.file = file
        self.limits = limits
        self.code = code
    }

    mutating func parse(_ bytes: [UInt8]) {
        // On the heap because libyaml keeps a pointer to the parser inside the parser.
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        guard yaml_parser_initialize(parser) == 1 else {
            faults.append(MartletError(.internalFault, "no memory for a YAML parser", place: .init(file: file)))
            return
        }
        defer { yaml_parser_delete(parser) }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        bytes.withUnsafeBufferPointer { input in
            yaml_parser_set_input_string(parser, input.baseAddress, input.count)
            do {
                var isAtEnd = false
                while !isAtEnd {
                    var event = yaml_event_t()
                    guard yaml_parser_parse(parser, &event) == 1 else {
                        throw Stop(fault: syntaxFault(parser.pointee, bytes))
                    }
                    defer { yaml_event_delete(&event) }
                    isAtEnd = try take(event)
                }
                isComplete = true
            } catch let stop as Stop {
                faults.append(stop.fault)
            } catch {
                faults.append(MartletError(.internalFault, "the YAML reader failed", cause: error))
            }
        }
    }

    /// - Returns: whether this was the end of the file.
    private mutating func take(_ event: yaml_event_t) throws -> Bool {
        let place = place(event.start_mark)
        switch event.type {
        case YAML_STREAM_END_EVENT:
            return true
        case YAML_ALIAS_EVENT:
            throw Stop(
                fault: MartletError(
                    code, "aliases (`*name`) are not part of the definition language", place: place,
                    fix: "write the value out"))
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            try refuse(anchor: scalar.anchor, tag: scalar.tag, place)
            let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            try count(place)
            add(scalar: text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE, place)
        case YAML_SEQUENCE_START_EVENT:
            try refuse(anchor: event.data.sequence_start.anchor, tag: event.data.sequence_start.tag, place)
            try open(Frame(place: place))
        case YAML_MAPPING_START_EVENT:
            try refuse(anchor: event.data.mapping_start.anchor, tag: event.data.mapping_start.tag, place)
            try open(Frame(place: place, entries: []))
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
            close()
        default:
            break
        }
        return false
    }

    private mutating func open(_ frame: Frame) throws {
        try count(frame.place)
        guard stack.count < limits.maximumDepth else {
            throw Stop(
                fault: MartletError(
                    .limitExceeded, "lists and mappings are nested deeper than \(limits.maximumDepth)",
                    place: frame.place))
        }
        if let parent = stack.last, parent.entries != nil, parent.pendingKey == nil {
            throw Stop(fault: MartletError(code, "a key must be text", place: frame.place))
        }
        stack.append(frame)
    }

    private mutating func close() {
        let frame = stack.removeLast()
        let content: YAMLNode.Content =
            if let entries = frame.entries { .mapping(entries) } else { .sequence(frame.items) }
        add(YAMLNode(content: content, place: frame.place))
    }

    private mutating func add(scalar text: String, isPlain: Bool, _ place: MartletError.Place) {
        if let top = stack.last, top.entries != nil, top.pendingKey == nil {
            stack[stack.count - 1].pendingKey = (text, place)
        } else {
            add(YAMLNode(content: .scalar(text: text, isPlain: isPlain), place: place))
        }
    }

    private mutating func add(_ node: YAMLNode) {
        let top = stack.count - 1
        guard top >= 0 else {
            // A document of comments only.
            if case .scalar("", true) = node.content { return }
            documents.append(node)
            return
        }
        guard let key = stack[top].pendingKey else {
            stack[top].items.append(node)
            return
        }
        stack[top].pendingKey = nil
        if let first = stack[top].keys[key.text] {
            let isList = if case .sequence = node.content { true } else { false }
            faults.append(
                MartletError(
                    code, "the key `\(key.text)` is given twice, first on line \(first.line ?? 0)", place: key.place,
                    fix: key.text == "checks" && isList ? "list the checks under `rules`" : "keep one of them"))
        } else {
            stack[top].keys[key.text] = key.place
            stack[top].entries?.append(YAMLEntry(key: key.text, keyPlace: key.place, value: node))
        }
    }

    private mutating func count(_ place: MartletError.Place) throws {
        nodeCount += 1
        guard nodeCount <= limits.maximumNodes else {
            throw Stop(
                fault: MartletError(
                    .limitExceeded, "the file has more than \(limits.maximumNodes) values", place: place,
                    fix: "split it into several files"))
        }
    }

    private func refuse(
        anchor: UnsafeMutablePointer<UInt8>?, tag: UnsafeMutablePointer<UInt8>?, _ place: MartletError.Place
    ) throws {
        if anchor != nil {
            throw Stop(
                fault: MartletError(
                    code, "anchors (`&name`) are not part of the definition language", place: place,
                    fix: "write the value out where it is used"))
        }
        if tag != nil {
            throw Stop(
                fault: MartletError(
                    code, "tags (`!name`) are not part of the definition language", place: place,
                    fix: "remove the tag; quote a value to make it text"))
        }
    }

    private func place(_ mark: yaml_mark_t) -> MartletError.Place {
        MartletError.Place(file: file, line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }

    private func syntaxFault(_ parser: yaml_parser_t, _ bytes: [UInt8]) -> MartletError {
        let problem = parser.problem.map { String(cString: $0) } ?? "unreadable"
        if parser.error == YAML_READER_ERROR {
            let before = bytes.prefix(Int(parser.problem_offset))
            let line = before.count { $0 == 10 } + 1
            let column = before.reversed().prefix { $0 != 10 }.count + 1
            return MartletError(
                code, "not readable as UTF-8 text: \(problem)", place: .init(file: file, line: line, column: column),
                fix: "save the file as UTF-8")
        }
        let context = parser.context.map { " \(String(cString: $0))" } ?? ""
        let mark = place(parser.problem_mark)
        return MartletError(
            code, "not valid YAML: \(problem)\(context)", place: mark,
            fix: yamlFix(problem: problem, at: Int(parser.problem_mark.index), in: bytes))
    }
}

/// libyaml's mark counts characters; the byte looked for is near it in practice, so only ASCII files get the tab hint
/// exactly.
private func yamlFix(problem: String, at index: Int, in bytes: [UInt8]) -> String? {
    if bytes.indices.contains(index), bytes[index] == 9 { return "indent with spaces, not with tabs" }
    if problem.contains("mapping values are not allowed") { return "quote a value that contains `: ` or ends with `:`" }
    if problem.contains("did not find expected key") || problem.contains("expected <block end>") {
        return "check the indentation and the quotes of this line and the one before"
    }
    if problem.contains("cannot start any token") { return "quote the value" }
    if problem.contains("',' or ']'") || problem.contains("',' or '}'") { return "close the bracket" }
    if problem.contains("unexpected end of stream") { return "close the quote" }
    return nil
}
