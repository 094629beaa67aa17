import Glibc
import MartletCore
import MartletTestSupport
import Testing

@testable import MartletPlatform

@Suite("Files of spilled features")
struct SpillFileTests {
    private func withFile(_ body: (SpillFile) throws -> Void) throws {
        try withTemporaryFolder { try body(SpillFile(path: "\($0)/part.columns")) }
    }

    @Test("a slice is read as it was written, and one without rows is nothing")
    func slices() throws {
        try withFile { file in
            let numbers: [Int64] = [0, 3, 9, 10, 29, 31]
            let texts = Column(.string(ByteStrings(["a", "", "ccc", "dd", "e", "f"])))
            let numbersOfNull = Column(
                .float64([1, 2, 3, 0, 5, 6]), validity: Bitmap([true, true, true, false, true, true]))
            try file.write([texts, numbersOfNull], numbers: numbers, sliceRows: 10, sliceCount: 5)
            func found(_ slice: Int) throws -> [[Value]]? {
                try file.read(slice: slice).map { $0.map { column in (0..<column.count).map { column[$0] } } }
            }
            #expect(
                try found(0) == [
                    [.int64(0), .int64(3), .int64(9)], [.string("a"), .string(""), .string("ccc")],
                    [.float64(1), .float64(2), .float64(3)],
                ])
            #expect(
                try found(1) == [[.int64(10)], [.string("dd")], [.null]])
            #expect(try found(2) == [[.int64(29)], [.string("e")], [.float64(5)]])
            #expect(try found(3) == [[.int64(31)], [.string("f")], [.float64(6)]])
            #expect(try found(4) == nil)
        }
    }

    @Test("a file that is missing or cut short is an error")
    func damaged() throws {
        try withFile { file in
            #expect(throws: MartletError.self) { try file.read(slice: 0) }
            try file.write([Column(.bool([true, false]))], numbers: [0, 1], sliceRows: 4, sliceCount: 1)
            #expect(truncate(file.path, off_t(fileBytes(file.path).count - 3)) == 0)
            #expect(throws: MartletError.self) { try file.read(slice: 0) }
        }
    }
}
