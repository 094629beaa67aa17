package import MartletCore
internal import MartletDefinitions
internal import MartletOnline
internal import MartletQuery
internal import MartletStreams

extension Workspace {
    private static let momentsOfView = 10
    /// How often a view is read again that another process stores meanwhile, and how long landing is waited for.
    private static let attempts = 200
    private static let pauseSeconds = 0.05
    private static let differencesShown = 5

    /// Reads sampled entities of views that follow the log at random moments, and compares each value, bit for bit,
    /// with what the offline kernels compute from the events of the log up to the same mark.
    ///
    /// Where no other process takes events in, the views are taken up and fed with the log to its end, as a server that
    /// starts does. Beside a running server it is what that has stored last, at the mark up to which it has.
    /// - Parameters:
    ///   - views: nil means all that follow the log, or those of `service`.
    ///   - samples: pairs of an entity and a moment, of each view.
    /// - Throws: `notFound` where no such view follows the log, or none was stored yet; `corruptData`.
    package func verifyStreams(
        _ views: [String]? = nil, service: String? = nil, samples: Int = 10_000, seed: UInt64 = 1,
        progress: any ProgressReporter = SilentProgress()
    ) throws -> StreamVerificationReport {
        let started = time.monotonicNanoseconds()
        let definitions = try appliedDefinitions()
        let chosen = try followedViews(views, service, definitions)
        let answers = try StreamedAnswers(self)
        var report = StreamVerificationReport(seed: seed, isLive: answers.isLive)
        for (number, view) in chosen.enumerated() {
            progress.report("verify \(view.about.name)", done: number, total: chosen.count)
            let random = SeededRandom(seed: seed, stream: UInt64(number))
            var attempt = 0
            while try !verify(view, answers, definitions, samples, random, &report) {
                attempt += 1
                guard attempt < Self.attempts else {
                    throw MartletError(
                        .conflict, "features \(view.about.name) were stored anew each time that they were read",
                        fix: "try again, or with a longer limits.checkpoint_every")
                }
                pause()
            }
        }
        report.seconds = seconds(since: started)
        return report
    }

    private func followedViews(
        _ names: [String]?, _ service: String?, _ definitions: AppliedDefinitions
    ) throws -> [FeatureViewDefinition] {
        var found = definitions.streamedViews
        if let service {
            let members = try definitions.members(of: definitions.service(service)).map(\.view.about.name)
            found.removeAll { !members.contains($0.about.name) }
        }
        if let names {
            found = try names.map { name in
                let view = try definitions.view(name)
                guard found.contains(where: { $0.about.name == name }) else { throw notFollowed("features \(name)") }
                return view
            }
        }
        guard !found.isEmpty else { throw notFollowed(service.map { "service \($0)" } ?? "this workspace") }
        return found
    }

    private func notFollowed(_ name: String) -> MartletError {
        MartletError(
            .notFound, "\(name): no view there follows the log",
            fix: "declare `stream: true`, or compare loaded views: martlet verify")
    }

    /// - Returns: false where the view was stored anew meanwhile.
    private func verify(
        _ view: FeatureViewDefinition, _ answers: StreamedAnswers, _ definitions: AppliedDefinitions, _ samples: Int,
        _ random: SeededRandom, _ report: inout StreamVerificationReport
    ) throws -> Bool {
        var random = random
        let online = try onlineView(view, definitions)
        let position = try answers.position(of: online)
        if answers.isLive { try waitUntilLanded(position.endOffset) }
        let sample = try StreamSample(
            view, answers, position, entities: max(1, samples / Self.momentsOfView), definitions, self, &random)
        let first = answers.earliestMoment(self)
        let reach = UInt64(view.longestReach.microseconds)
        let moments = (0..<min(samples, Self.momentsOfView)).map { number in
            number == 0 ? first : first + TimeSpan(microseconds: Int64(random.next() % reach))
        }
        guard let served = try answers.read(online, keys: sample.keys, at: moments, position: position) else {
            return false
        }
        let count = sample.keys.first?.count ?? 0
        var differences = 0
        for (time, answer) in zip(moments, served.answers) {
            let computed = try sample.computation.features(
                keys: sample.keys, times: [Int64](repeating: time.microseconds, count: count), asKnown: false,
                threads: threads)
            for (feature, name) in view.featureNames.enumerated() {
                for row in 0..<count where !isSame(answer.columns[feature], computed[feature], row) {
                    differences += 1
                    guard differences <= Self.differencesShown else { continue }
                    report.differences.append(
                        Mismatch(
                            feature: "\(view.about.name):\(name)", entity: sample.entity(row), time: time,
                            online: answer.columns[feature][row], offline: computed[feature][row],
                            cause: sample.cause(row, mark: served.marks[row])))
                }
            }
        }
        report.views.append(
            StreamVerificationReport.View(
                name: view.about.name, mark: position.endOffset, entities: count, moments: moments.count,
                events: sample.computation.rows.count, values: count * moments.count * view.featureNames.count,
                differences: differences))
        return true
    }

    /// What the process that has the log stores of a view may be ahead of what it has landed.
    private func waitUntilLanded(_ end: Int64) throws {
        let limits = settings.limits
        let started = time.monotonicNanoseconds()
        let limit = 30 + 4 * Double(limits.landEvery.microseconds) / 1e6
        while try landedOffset() < end {
            guard seconds(since: started) < limit else {
                throw MartletError(
                    .conflict, "the running server has not landed offset \(end) within \(Int(limit)) s",
                    fix: "see martlet status for what holds landing back")
            }
            pause()
        }
    }

    private func pause() { sleep(seconds: Self.pauseSeconds) }
}
