internal import Glibc
internal import MartletCore
internal import MartletHTTP
internal import Synchronization

/// Calls DynamoDB's operations over its JSON protocol (`DynamoDB_20120810`), several at once; sends again what the
/// service throttled or failed, after pauses that grow and vary, until the deadline. Every request may be run twice.
final class DynamoClient: Sendable {
    let settings: DynamoSettings
    private let client: HTTPClient
    private let time: any TimeSource
    private let state: Mutex<State>

    private struct State: Sendable {
        var breaker = CircuitBreaker()
        var random: SeededRandom
        var statistics = StoreStatistics()
    }

    /// An answer, or an error of the service that repetition does not mend.
    enum Answer {
        case success(JSONValue)
        case refusal(type: String, JSONValue)
    }

    init(_ settings: DynamoSettings, _ time: any TimeSource) {
        self.settings = settings
        self.time = time
        var clientSettings = HTTPClientSettings()
        clientSettings.callers = settings.connections
        client = HTTPClient(clientSettings)
        state = Mutex(State(random: SeededRandom(seed: time.monotonicNanoseconds())))
    }

    var statistics: StoreStatistics {
        state.withLock { state in
            var statistics = state.statistics
            statistics.circuitOpenings = state.breaker.openings
            statistics.isCircuitOpen = state.breaker.isOpen
            return statistics
        }
    }

    /// - Throws: `storeUnavailable` where the service cannot be reached, or did not do all of it in time.
    func call(_ operation: String, _ bodies: [[UInt8]], by deadline: Deadline) throws -> [Answer] {
        var answers = [Answer?](repeating: nil, count: bodies.count)
        var pending = Array(bodies.indices)
        var attempt = 0
        while !pending.isEmpty {
            let now = time.monotonicNanoseconds()
            guard state.withLock({ $0.breaker.mayTry(at: now) }) else {
                throw unavailable("failed repeatedly and is left alone for a moment")
            }
            let outcomes = client.send(
                pending.map { request(operation, bodies[$0]) }, timeoutMilliseconds: deadline.remainingMilliseconds)
            var failure: String?
            var again: [Int] = []
            for (index, outcome) in zip(pending, outcomes) {
                switch try judge(outcome) {
                case .done(let answer): answers[index] = answer
                case .again(let reason):
                    failure = reason
                    again.append(index)
                }
            }
            note(failure: failure, isTotal: again.count == pending.count)
            pending = again
            if let failure { try pause(&attempt, by: deadline, failure) }
        }
        return answers.map { answer in
            guard let answer else { preconditionFailure("a request has no answer") }
            return answer
        }
    }

    /// Waits before something is sent again: longer each time, and never as long as others that failed with it.
    func pause(_ attempt: inout Int, by deadline: Deadline, _ reason: String) throws {
        let nominal = min(20 << min(attempt, 6), 1_000)
        attempt += 1
        let jitter = state.withLock { state in
            state.statistics.retries += 1
            return state.random.uniform()
        }
        let milliseconds = 1 + Int(Double(nominal) * jitter)
        guard deadline.remainingMilliseconds > milliseconds else {
            throw unavailable("did not do it in time: \(reason)")
        }
        usleep(UInt32(milliseconds) * 1_000)
    }

    private enum Verdict {
        case done(Answer)
        case again(String)
    }

    private func judge(_ outcome: ClientOutcome) throws -> Verdict {
        switch outcome {
        case .failure(let error):
            guard error.code == .storeUnavailable else { throw error }
            return .again(error.message)
        case .success(let response):
            let json = try? JSONValue(parsing: response.body)
            if response.status == 200 {
                guard let json else { return .again("an answer is no JSON") }
                return .done(.success(json))
            }
            // `com.amazonaws.dynamodb.v20120810#ResourceNotFoundException`
            let type =
                json?["__type"]?.string?.split(separator: "#").last.map(String.init) ?? "status \(response.status)"
            let isPassing = response.status >= 500 || response.status == 429 || Self.passing.contains(type)
            return isPassing || json == nil ? .again(type) : .done(.refusal(type: type, json ?? .null))
        }
    }

    private static let passing: Set<String> = [
        "ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded",
        "InternalServerError", "ServiceUnavailable", "TransactionInProgressException", "LimitExceededException",
    ]

    private func note(failure: String?, isTotal: Bool) {
        let now = time.monotonicNanoseconds()
        state.withLock { state in
            if failure != nil, isTotal {
                state.statistics.connectionsFailed += 1
                state.breaker.failed(at: now, jitter: state.random.uniform())
            } else {
                state.breaker.succeeded()
            }
        }
    }

    private func request(_ operation: String, _ body: [UInt8]) -> ClientRequest {
        ClientRequest(
            "POST", "\(settings.endpoint)/",
            headers: [
                "Content-Type: application/x-amz-json-1.0", "X-Amz-Target: DynamoDB_20120810.\(operation)", "Expect:",
            ], body: body,
            signature: RequestSignature(
                region: settings.region, service: "dynamodb", accessKey: settings.accessKey,
                secretKey: settings.secretKey, sessionToken: settings.sessionToken))
    }

    private func unavailable(_ what: String) -> MartletError {
        MartletError(
            .storeUnavailable, "DynamoDB in \(settings.region) \(what)",
            fix: "check the network, the table's capacity, and `online` in martlet.yaml")
    }
}

extension DynamoClient.Answer {
    /// - Throws: `notFound` for a table that is absent, `storeUnavailable` for any other refusal.
    func checked(_ table: String) throws -> JSONValue {
        switch self {
        case .success(let json): return json
        case .refusal("ResourceNotFoundException", _):
            throw MartletError(
                .notFound, "DynamoDB has no table \(table)",
                fix: "make it with the partition key `k` of type B, or add create_table=true to the URL")
        case .refusal(let type, _):
            // Their message may quote keys.
            throw MartletError(
                .storeUnavailable, "DynamoDB refuses a request: \(type)",
                fix: "check the credentials and the permissions on the table \(table)")
        }
    }
}
