internal import MartletCore

/// Reads the windows of an aggregate: how long they are, which events they hold, from when they are seen.
struct WindowsBuilder {
    struct Windows {
        var spans: [TimeSpan]
        var isExact = false
        var shape = WindowShape.sliding
        var lag = TimeSpan.zero
    }

    let object: CheckedObject?
    let viewWindows: Checked?
    /// Whether the view's shape has no faults, so that what is missing was not just unreadable.
    let isViewWhole: Bool
    /// Those that the shapes did not show.
    private(set) var faults = FaultList()

    init(object: CheckedObject?, viewWindows: Checked?, isViewWhole: Bool) {
        self.object = object
        self.viewWindows = viewWindows
        self.isViewWhole = isViewWhole
    }

    /// - Returns: nil where there are none.
    mutating func read(_ entry: CheckedEntry) -> Windows? {
        if object?["session"] != nil || object?["last"] != nil { return readByEvents(entry) }
        if let within = object?["within"] {
            faults.add(
                "aggregate `\(entry.name)` has `within` but neither `session` nor `last`", at: within.place,
                fix: "give the length of its windows as `windows`")
        }
        var windows = Windows(spans: [], isExact: object?["exact"]?.boolean ?? false)
        if object?["tumbling"]?.boolean == true { windows.shape = .tumbling }
        if let lag = object?["lag"], let span = lag.timeSpan {
            if span <= .zero || span > DefinitionLanguage.maximumWindow {
                faults.add("the lag \(span) is not between 1us and \(DefinitionLanguage.maximumWindow)", at: lag.place)
            }
            windows.lag = span
        }
        guard let value = object?["windows"] ?? viewWindows else {
            if isViewWhole {
                faults.add(
                    "aggregate `\(entry.name)` has no windows", at: entry.namePlace,
                    fix: "add `windows` to it or to the view, such as [1h, 1d, 7d]")
            }
            return nil
        }
        windows.spans = readSpans(value, isExact: windows.isExact, entry)
        return windows
    }

    /// A session, or the newest events. Their own limit is `within`; the view's windows are for other aggregates.
    private mutating func readByEvents(_ entry: CheckedEntry) -> Windows? {
        for other in ["windows", "tumbling", "lag", "exact"] {
            guard let value = object?[other] else { continue }
            faults.add(
                "aggregate `\(entry.name)` follows its events and has no `\(other)`", at: value.place,
                fix: other == "windows" ? "write `within`, how far back it may reach" : "remove it")
        }
        var windows = Windows(spans: [], isExact: true)
        if let session = object?["session"], let gap = session.timeSpan {
            if let last = object?["last"] {
                faults.add("aggregate `\(entry.name)` has both `session` and `last`", at: last.place)
            }
            if gap <= .zero { faults.add("the gap \(gap) of a session is not positive", at: session.place) }
            windows.shape = .session(gap: gap)
            windows.spans = [.days(1)]
        } else if let count = object?["last"]?.integer {
            windows.shape = .newest(Int(count))
            windows.spans = [.days(365)]
        } else {
            return nil
        }
        if let within = object?["within"], let span = within.timeSpan {
            if span <= .zero || span > DefinitionLanguage.maximumWindow {
                faults.add(
                    "`within` is \(span), not between 1us and \(DefinitionLanguage.maximumWindow)", at: within.place)
            }
            windows.spans = [span]
        }
        return windows
    }

    private mutating func readSpans(_ value: Checked, isExact: Bool, _ entry: CheckedEntry) -> [TimeSpan] {
        var spans: [TimeSpan] = []
        for item in value.list ?? [value] {
            guard let span = item.timeSpan else { continue }
            let hop = windowHop(span)
            if span <= .zero {
                faults.add("the window \(span) is not positive", at: item.place)
            } else if span > DefinitionLanguage.maximumWindow {
                faults.add(
                    "the window \(span) is longer than the limit of \(DefinitionLanguage.maximumWindow)",
                    at: item.place, .limitExceeded)
            } else if !isExact, span.microseconds % hop.microseconds != 0 {
                faults.add(
                    "the window \(span) of aggregate `\(entry.name)` is not a multiple of \(hop), "
                        + "the step to which it is rounded",
                    at: item.place, fix: "use a multiple of \(hop), or give the aggregate `exact: true`")
            } else if spans.contains(span) {
                faults.add("the window \(span) is given twice", at: item.place)
            } else {
                spans.append(span)
            }
        }
        return spans
    }
}
