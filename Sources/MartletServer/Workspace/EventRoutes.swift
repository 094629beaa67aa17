internal import MartletCore
internal import MartletHTTP
internal import MartletPlatform

/// `POST /v1/events/{source}`: events in. JSON lines and JSON are durable when the answer comes, and are landed in
/// tables soon after; a Parquet file is landed before the answer comes.
/// With `wait=landed` JSON, too, is landed first.
func pushEvents(_ request: borrowing Request, _ workspace: Workspace, _ live: LiveEvents) throws -> Reply {
    let format: EventFormat
    do {
        try requireWritable(workspace)
        format = try eventFormat(of: request)
    } catch {
        return .response(error.response)
    }
    let source = request.parameters[0]
    let key = try idempotencyKey(of: request)
    switch format {
    case .file(let format): return pushFile(Array(request.body), format, to: source, key, workspace)
    case .events(let format):
        let isLanded = try waitsForLanding(request)
        let pending = try live.openDoor().push(request.body, isPadded: true, as: format, to: source, key: key)
        if pending.isOnlyAppending && !isLanded {
            return .whenAnswered { answer in pending.whenDurable { answer(response($0)) } }
        }
        return .later {
            do {
                let report = try await pending.finish()
                if isLanded { try live.land(upTo: report.endOffset) }
                return Response(body: report.json)
            } catch let error as MartletError {
                return refusal(error)
            } catch {
                return problem(error)
            }
        }
    }
}

private func response(_ result: Result<PushReport, MartletError>) -> Response {
    switch result {
    case .success(let report): Response(body: report.json)
    case .failure(let error): refusal(error)
    }
}

/// 503 for what passes by itself, with when to come again.
private func refusal(_ error: MartletError) -> Response {
    guard error.code == .limitExceeded || error.code == .storeUnavailable else { return problem(error) }
    var response = problem(error, status: 503)
    if error.code == .limitExceeded { response.headers.append(("Retry-After", "1")) }
    return response
}

private func waitsForLanding(_ request: borrowing Request) throws -> Bool {
    switch request.query("wait") {
    case nil, "durable": return false
    case "landed": return true
    default: throw MartletError(.usage, "wait is durable or landed", fix: "send ?wait=landed")
    }
}

private func pushFile(
    _ rows: [UInt8], _ format: UploadFormat, to source: String, _ key: String?, _ workspace: Workspace
) -> Reply {
    later {
        let report = try workspace.ingest(
            source, rows: rows, as: format, idempotencyKey: key, principal: requestPrincipal(workspace))
        if let failure = report.refinement?.criticalFailure { return problem(failure) }
        var json = JSONWriter()
        json.object {
            $0.member("source", report.source)
            $0.member("batch", report.batch)
            $0.member("is_repeat", report.isRepeat)
            $0.member("rows", report.rowsRead)
            $0.member("misfits", report.misfits)
            $0.member("duplicates", report.allDuplicates)
            $0.member("quarantined", report.refinement?.quarantined ?? 0)
            $0.member("accepted", report.refinement?.silverRows ?? 0)
        }
        return Response(body: json.bytes)
    }
}

extension PushReport {
    /// At most so many misfits are told one by one.
    private static let misfitLimit = 20

    fileprivate var json: [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("source", source)
            json.member("is_repeat", accepted == 0 && duplicates > 0)
            json.member("rows", rows)
            json.member("accepted", accepted)
            json.member("duplicates", duplicates)
            json.member("misfits", misfits.count)
            json.member("end_offset", endOffset)
            guard !misfits.isEmpty else { return }
            json.key("rejected")
            json.array { json in
                for misfit in misfits.prefix(Self.misfitLimit) {
                    json.object {
                        $0.member("row", misfit.row)
                        $0.member("reason", misfit.reason)
                    }
                }
            }
        }
        return json.bytes
    }
}
