import MartletCore
import MartletFeatures
import MartletHTTP
import MartletOnline
import MartletServer

/// The body of a request to `/get-online-features`, through to the answer.
final class RequestTarget: FuzzTarget {
    private let server: FeatureServer

    init() throws {
        let views = try FuzzViews()
        var http = HTTPServerSettings(port: 0)
        http.threads = 1
        server = try FeatureServer(
            FeatureServerSettings(http: http, workspace: FuzzViews.workspace, keyLimit: 500, featureLimit: 100),
            catalog: ServingCatalog(
                views: [views.latest, views.windowed],
                services: [
                    "all": [
                        FeatureReference(view: "everything", feature: "f_string"),
                        FeatureReference(view: "windows", feature: views.windowed.features[0].name),
                    ]
                ], entityKeys: ["id": "id"]),
            store: FixedStore([
                (views.latest.identity, views.latestRecord), (views.windowed.identity, views.windowedRecord),
            ]), time: FixedTimeSource(FuzzViews.now))
    }

    var seeds: [[UInt8]] {
        [
            #"{"features":["everything:f_int64","everything:f_string"],"#
                + #""entities":{"id":[1,2,3],"name":["a","b","c"]}}"#,
            #"{"feature_service":"all","entities":{"id":[1],"name":["a"]},"full_feature_names":true}"#,
            #"{"features":["windows@v1:amount_count_1h"],"entities":{"id":["7",null,-9223372036854775808]}}"#,
            #"{"features":["everything:f_bytes"],"entities":{"name":["\ud83d\ude00\u0000"],"id":[1e3]},"#
                + #""include_feature_view_version_metadata":true}"#,
            #"{"features":null,"feature_service":null,"entities":{}}"#,
        ].map { Array($0.utf8) }
    }

    func run(_ bytes: UnsafeRawBufferPointer) {
        var writer = ByteWriter()
        let status = server.answer(body: Array(bytes), to: &writer)
        guard [200, 400, 404, 422].contains(status) else { found("status \(status)") }
        guard let json = try? JSONValue(parsing: writer.bytes) else { found("an answer that is not JSON") }
        guard status == 200 else { return }
        guard let names = json["metadata"]?["feature_names"]?.array, let results = json["results"]?.array,
            names.count == results.count
        else { found("names and results differ in number") }
        let counts = Set(results.flatMap { [$0["values"]?.array?.count, $0["statuses"]?.array?.count] })
        guard counts.count <= 1 else { found("columns of different length") }
    }
}
