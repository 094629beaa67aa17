internal import Glibc

/// Asks for large pages behind memory that nobody has touched yet: there are hundreds of times fewer of them to provide
/// and to look up, which is most of the cost of writing a column once and of reading it in no order. A kernel without
/// them ignores it; small memory is left alone.
package func adviseLargePages(_ memory: UnsafeMutableRawBufferPointer) {
    guard memory.count >= 4 << 20, let base = memory.baseAddress else { return }
    let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))
    let start = (UInt(bitPattern: base) + UInt(pageSize) - 1) / UInt(pageSize) * UInt(pageSize)
    let length = (memory.count - Int(start - UInt(bitPattern: base))) / pageSize * pageSize
    _ = madvise(UnsafeMutableRawPointer(bitPattern: start), length, MADV_HUGEPAGE)
}

extension Array where Element: BitwiseCopyable {
    /// An array of `count` elements, every one of which `body` writes.
    package init(count: Int, writing body: (UnsafeMutableBufferPointer<Element>) -> Void) {
        self.init(unsafeUninitializedCapacity: count) { buffer, initialized in
            let elements = UnsafeMutableBufferPointer(rebasing: buffer[..<count])
            adviseLargePages(UnsafeMutableRawBufferPointer(elements))
            body(elements)
            initialized = count
        }
    }

    /// Reserves room for `count` elements; large room on large pages.
    package mutating func reserveLarge(_ count: Int) {
        reserveCapacity(count)
        let bytes = capacity * MemoryLayout<Element>.stride
        withUnsafeMutableBytes { elements in
            adviseLargePages(UnsafeMutableRawBufferPointer(start: elements.baseAddress, count: bytes))
        }
    }
}
