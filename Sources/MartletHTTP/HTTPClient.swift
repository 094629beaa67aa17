internal import CCurl
internal import Dispatch
internal import MartletCore
internal import Synchronization

/// Sends requests over HTTP by libcurl, several at once, on connections that are kept. Blocks: call from a thread that
/// may.
package final class HTTPClient: Sendable {
    private let settings: HTTPClientSettings
    private let permits: DispatchSemaphore
    private let idle = Mutex<[ClientSession]>([])

    package init(_ settings: HTTPClientSettings = HTTPClientSettings()) {
        self.settings = settings
        permits = DispatchSemaphore(value: 0)
        // Counted up, because a semaphore that ends below its first value traps.
        for _ in 0..<settings.callers { permits.signal() }
        _ = isLibraryReady
    }

    /// Sends the requests, as many at once as the settings allow, and waits for all.
    /// - Parameter timeoutMilliseconds: for all together, and for waiting until another caller is done.
    /// - Returns: an outcome a request, in order.
    package func send(_ requests: [ClientRequest], timeoutMilliseconds: Int) -> [ClientOutcome] {
        guard permits.wait(timeout: .now() + .milliseconds(timeoutMilliseconds)) == .success else {
            let failure = MartletError(
                .storeUnavailable, "\(settings.callers) callers send requests already",
                fix: "raise `connections` in the URL of the store, or send fewer requests at once")
            return requests.map { _ in .failure(failure) }
        }
        defer { permits.signal() }
        let session = idle.withLock { $0.popLast() } ?? ClientSession()
        defer { idle.withLock { $0.append(session) } }
        return session.send(requests, settings, timeoutMilliseconds: timeoutMilliseconds)
    }
}

// Once a process, before any handle.
private let isLibraryReady: Bool = curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK

/// The connections of one caller.
private final class ClientSession: @unchecked Sendable {
    // @unchecked: the pool gives a session to one caller at a time.
    private let handle: UnsafeMutableRawPointer
    private var resting: [ClientTransfer] = []

    init() {
        guard let handle = curl_multi_init() else { preconditionFailure("libcurl has no memory for a handle") }
        self.handle = handle
    }

    deinit {
        resting.removeAll()
        curl_multi_cleanup(handle)
    }

    func send(
        _ requests: [ClientRequest], _ settings: HTTPClientSettings, timeoutMilliseconds: Int
    ) -> [ClientOutcome] {
        let started = SystemTimeSource().monotonicNanoseconds()
        var outcomes = [ClientOutcome?](repeating: nil, count: requests.count)
        var running: [UnsafeMutableRawPointer: ClientTransfer] = [:]
        var next = 0
        cmartlet_curl_multi_set_long(handle, CURLMOPT_MAXCONNECTS, settings.requestsPerCaller)
        while next < requests.count || !running.isEmpty {
            while next < requests.count, running.count < settings.requestsPerCaller {
                let passed = Int((SystemTimeSource().monotonicNanoseconds() - started) / 1_000_000)
                let transfer = resting.popLast() ?? ClientTransfer()
                transfer.begin(
                    requests[next], index: next, settings, timeoutMilliseconds: timeoutMilliseconds - passed)
                running[transfer.handle] = transfer
                curl_multi_add_handle(handle, transfer.handle)
                next += 1
            }
            var count: Int32 = 0
            curl_multi_perform(handle, &count)
            collect(&running, &outcomes)
            if !running.isEmpty { curl_multi_poll(handle, nil, 0, 1_000, nil) }
        }
        return outcomes.map { outcome in
            guard let outcome else { preconditionFailure("a request came to no end") }
            return outcome
        }
    }

    private func collect(
        _ running: inout [UnsafeMutableRawPointer: ClientTransfer], _ outcomes: inout [ClientOutcome?]
    ) {
        var left: Int32 = 0
        while let message = curl_multi_info_read(handle, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle,
                let transfer = running.removeValue(forKey: easy)
            else { continue }
            let result = cmartlet_curl_result(message)
            curl_multi_remove_handle(handle, easy)
            outcomes[transfer.index] = transfer.outcome(result)
            resting.append(transfer)
        }
    }
}
