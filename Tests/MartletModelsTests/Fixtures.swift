import Glibc
import MartletCore
import MartletModels

/// The code of the error that the body throws; nil where it throws none of ours.
func code(_ body: () throws -> Void) -> MartletError.Code? {
    do {
        try body()
        return nil
    } catch {
        return (error as? MartletError)?.code
    }
}

/// Rows a minute apart with two features; the label follows `signal`, but for a fraction of noise. `shop` is a text
/// that goes along with the label, `empty` is null everywhere.
func toyRows(_ count: Int, noise: Double, seed: UInt64 = 7) -> RecordBatch {
    var random = SeededRandom(seed: seed)
    var signal = ColumnBuilder(.float64)
    var shop = ColumnBuilder(.string)
    var blind: [Double] = []
    var labels: [Bool] = []
    for row in 0..<count {
        let value = random.uniform()
        let label = random.uniform() < noise ? random.uniform() < 0.5 : value > 0.7
        if row % 17 == 0 { signal.append(.null) } else { signal.append(.float64(value)) }
        shop.append(.string(label ? "zoo" : ["bar", "café"][row % 2]))
        blind.append(random.uniform())
        labels.append(label)
    }
    let start = Timestamp(year: 2026, month: 1, day: 1).microseconds
    return RecordBatch([
        ("signal", signal.finish()), ("blind", Column(.float64(blind))), ("shop", shop.finish()),
        ("empty", Column.nulls(.int64, count: count)), ("label", Column(.bool(labels))),
        ("time", Column(.timestamp((0..<count).map { start + Int64($0) * 60_000_000 }))),
    ])
}

func files(in folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
}

func write(_ bytes: [UInt8], to path: String) {
    guard let file = fopen(path, "w") else { return }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
}
