internal import MartletCore
internal import MartletHTTP
internal import MartletPlatform
internal import MartletRegistry

/// `POST /v1/training-sets?service=NAME`: labels in, labels with features out, as Parquet.
func buildTrainingSet(
    _ request: borrowing Request, _ workspace: Workspace, _ longWork: LongWork
) throws -> Reply {
    let (query, labels, format, key): (TrainingSetRequest, [UInt8], UploadFormat, String?)
    do {
        try requireWritable(workspace)
        format = try uploadFormat(of: request)
    } catch {
        return .response(error.response)
    }
    guard let service = request.query("service"), !service.isEmpty else {
        throw MartletError(.usage, "no service is named", fix: "send ?service=NAME")
    }
    query = TrainingSetRequest(
        service: service, labels: "", timeColumn: request.query("time_column") ?? LabelSet.defaultTimeColumn,
        asKnown: try flag("as_known", of: request), usesFullNames: try flag("full_names", of: request),
        keepsOnlyKnownEntities: try flag("known_only", of: request),
        allowedLeakage: Set((request.query("allow_leakage") ?? "").split(separator: ",").map(String.init)))
    key = try idempotencyKey(of: request)
    labels = Array(request.body)
    return later {
        let record = try longWork.run { cancellation in
            try workspace.writeTrainingSet(
                query, labels: labels, as: format, idempotencyKey: key, principal: requestPrincipal(workspace),
                cancellation: cancellation)
        }
        return Response(
            contentType: .parquet,
            headers: [("Martlet-Dataset", "\(record.id)"), ("Martlet-Hash", record.hash)],
            body: try workspace.datasetRows(record))
    }
}

/// `GET /v1/datasets?service=NAME&limit=N`: the newest first.
func listDatasets(_ request: borrowing Request, _ workspace: Workspace) throws -> Reply {
    let service = request.query("service")
    let limit = try request.query("limit").map { text in
        guard let limit = Int(text), (1...1_000).contains(limit) else {
            throw MartletError(.usage, "limit is a number from 1 to 1000")
        }
        return limit
    }
    return later {
        let records = try workspace.registry.trainingSets(service: service, limit: limit ?? 100)
        var json = JSONWriter()
        json.array { for record in records { record.write(to: &$0, withPlaces: false) } }
        return Response(body: json.bytes)
    }
}

/// `GET /v1/datasets/{id}`
func showDataset(_ request: borrowing Request, _ workspace: Workspace) throws -> Reply {
    let id = try datasetID(request)
    return later {
        var json = JSONWriter()
        try workspace.registry.trainingSet(id).write(to: &json, withPlaces: false)
        return Response(body: json.bytes)
    }
}

/// `GET /v1/datasets/{id}/rows`, as Parquet.
func fetchDataset(_ request: borrowing Request, _ workspace: Workspace) throws -> Reply {
    let id = try datasetID(request)
    return later {
        Response(contentType: .parquet, body: try workspace.datasetRows(workspace.registry.trainingSet(id)))
    }
}

private func datasetID(_ request: borrowing Request) throws -> Int64 {
    guard let id = Int64(request.parameters[0]) else {
        throw MartletError(.notFound, "a training set is named by its number")
    }
    return id
}
