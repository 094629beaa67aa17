import MartletCore
import MartletObjects
import MartletTestSupport
import Testing

@Suite("A digest")
struct DigestTests {
    // The examples of FIPS 180-4 (NIST, "Secure Hash Standard Examples").
    @Test(
        "is SHA-256",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ])
    func examples(text: String, digest: String) throws {
        var whole = try SHA256Digest()
        try whole.update(text.utf8)
        #expect(try whole.finishAsHex() == digest)
        var parts = try SHA256Digest()
        for byte in text.utf8 { try parts.update(CollectionOfOne(byte)) }
        #expect(try parts.finishAsHex() == digest)
    }

    @Test("of a file is that of its bytes")
    func file() throws {
        let folder = TemporaryFolder()
        let store = try LocalObjectStore(url: folder.path)
        var random = SeededRandom(seed: 7)
        let bytes = (0..<2_500_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        try store.put("f", bytes)
        var digest = try SHA256Digest()
        try digest.update(bytes)
        #expect(try sha256OfFile("\(folder.path)/f") == digest.finishAsHex())
        #expect(throws: MartletError.self) { try sha256OfFile("\(folder.path)/none") }
    }
}
