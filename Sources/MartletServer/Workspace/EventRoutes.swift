internal import MartletCore
internal import MartletHTTP
internal import MartletPlatform

/// `POST /v1/events/{source}`: rows in, by the one way in that files take.
func pushEvents(_ request: borrowing Request, _ workspace: Workspace) throws -> Reply {
    let format: UploadFormat
    do {
        try requireWritable(workspace)
        format = try uploadFormat(of: request)
    } catch {
        return .response(error.response)
    }
    let source = request.parameters[0]
    let key = try idempotencyKey(of: request)
    let rows = Array(request.body)
    return later {
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
            $0.member("duplicates", report.refinement?.duplicates ?? 0)
            $0.member("quarantined", report.misfits + (report.refinement?.quarantined ?? 0))
            $0.member("accepted", report.refinement?.silverRows ?? 0)
        }
        return Response(body: json.bytes)
    }
}
