internal import Glibc
internal import MartletCore

/// The features of some labels in a file of columns, cut where the slices of the finished set are cut.
///
/// A part has labels from everywhere, because it is cut by keys. A slice reads of every part its own rows and no
/// others, so that each row is read once however many labels there are; the rows of groups in a Parquet file would be
/// read, and decoded, once for every slice that has some of them.
///
/// Layout, in the order of this machine: the number of slices; where each begins, and where the last ends; the columns
/// of each slice, the numbers of the labels first.
struct SpillFile {
    let path: String

    /// - Parameters:
    ///   - numbers: of the labels, ascending.
    ///   - columns: one row a label.
    ///   - sliceRows: how many labels a slice has.
    ///   - sliceCount: so many slices there are.
    /// - Throws: `fileSystem`.
    func write(_ columns: [Column], numbers: [Int64], sliceRows: Int, sliceCount: Int) throws {
        let columns = [Column(.int64(numbers))] + columns
        let headLength = 8 * (sliceCount + 2)
        var bytes = [UInt8](repeating: 0, count: headLength)
        var head = [Int64(sliceCount)]
        var start = 0
        for slice in 0..<sliceCount {
            head.append(Int64(bytes.count))
            var end = start
            while end < numbers.count && numbers[end] < Int64((slice + 1) * sliceRows) { end += 1 }
            if start < end { for column in columns { column.appendBytes(of: start..<end, to: &bytes) } }
            start = end
        }
        precondition(start == numbers.count, "every label is of a slice, and their numbers ascend")
        head.append(Int64(bytes.count))
        head.withUnsafeBytes { source in
            bytes.withUnsafeMutableBytes {
                UnsafeMutableRawBufferPointer(rebasing: $0[..<headLength]).copyMemory(from: source)
            }
        }
        try withFile(O_WRONLY | O_CREAT | O_TRUNC) { descriptor in
            var rest = bytes[...]
            while !rest.isEmpty {
                let written = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if written < 0 && errno == EINTR { continue }
                guard written > 0 else { throw failure("written") }
                rest = rest.dropFirst(written)
            }
        }
    }

    /// The numbers of the labels of a slice and then the columns; nil where the file has none of them.
    /// - Throws: `fileSystem`, `corruptData`.
    func read(slice: Int) throws -> [Column]? {
        try withFile(O_RDONLY) { descriptor in
            var head = ByteReader(try read(descriptor, from: 8 * (slice + 1), count: 16))
            let bounds = try head.array(Int64.self, count: 2)
            guard bounds[0] < bounds[1] else { return nil }
            var bytes = ByteReader(try read(descriptor, from: Int(bounds[0]), count: Int(bounds[1] - bounds[0])))
            var columns: [Column] = []
            while !bytes.isAtEnd { columns.append(try Column(reading: &bytes)) }
            return columns
        }
    }

    private func read(_ descriptor: Int32, from start: Int, count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let found = unsafe bytes.withUnsafeMutableBytes { bytes in
                unsafe pread(descriptor, bytes.baseAddress.map { unsafe $0 + done }, count - done, off_t(start + done))
            }
            if found < 0 && errno == EINTR { continue }
            guard found > 0 else { throw failure("read") }
            done += found
        }
        return bytes
    }

    private func withFile<T>(_ flags: Int32, _ body: (Int32) throws -> T) throws -> T {
        let descriptor = open(path, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("opened") }
        defer { close(descriptor) }
        return try body(descriptor)
    }

    private func failure(_ what: String) -> MartletError {
        MartletError(
            .fileSystem, "a spilled part cannot be \(what): \(unsafe String(cString: strerror(errno)))",
            place: .init(file: path))
    }
}
