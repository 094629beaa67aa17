import MartletHTTP
import ServerTestSupport
import Testing

/// AWS's published test suite for Signature Version 4 ("aws-sig-v4-test-suite"), as far as libcurl signs such requests.
@Suite("A signed request")
struct SignatureTests {
    private func authorization(
        _ method: String, _ path: String, headers: [String] = [], body: String = "", token: String? = nil,
        service: String = "service"
    ) throws -> String {
        let server = try GarbageServer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        var settings = HTTPClientSettings()
        settings.connectTo = "example.amazonaws.com:80:127.0.0.1:\(server.port)"
        let request = ClientRequest(
            method, "http://example.amazonaws.com\(path)", headers: ["X-Amz-Date: 20150830T123600Z"] + headers,
            body: Array(body.utf8),
            signature: RequestSignature(
                region: "us-east-1", service: service, accessKey: "AKIDEXAMPLE",
                secretKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", sessionToken: token))
        let outcome = HTTPClient(settings).send([request], timeoutMilliseconds: 10_000)[0]
        #expect(try outcome.get().status == 200)
        let lines = server.text.split(separator: "\r\n")
        return String(try #require(lines.first { $0.hasPrefix("Authorization: ") }))
    }

    @Test("has the signature of AWS's vector get-vanilla")
    func getVanilla() throws {
        #expect(
            try authorization("GET", "/")
                == "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                + "SignedHeaders=host;x-amz-date, "
                + "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")
    }

    @Test("has the signature of AWS's vector post-x-www-form-urlencoded")
    func postForm() throws {
        #expect(
            try authorization(
                "POST", "/", headers: ["Content-Type: application/x-www-form-urlencoded"], body: "Param1=value1")
                == "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                + "SignedHeaders=content-type;host;x-amz-date, "
                + "Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a")
    }

    @Test("signs the operation and the session's token too")
    func headers() throws {
        let header = try authorization(
            "POST", "/", headers: ["X-Amz-Target: DynamoDB_20120810.GetItem"], body: "{}", token: "token")
        #expect(header.contains("SignedHeaders=") && header.contains("x-amz-target"))
        #expect(header.contains("x-amz-security-token"))
    }
}
