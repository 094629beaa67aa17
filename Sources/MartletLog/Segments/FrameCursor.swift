internal import MartletCore

/// Goes through the frames of a file, of which it holds a window in memory.
struct FrameCursor: Sendable {
    let file: any LogFile
    let salt: UInt32
    /// Of the frame at which it stands.
    private(set) var position: Int
    private var window: [UInt8] = []
    private var windowStart = 0
    /// What is read at once, where a frame does not need more.
    private let windowBytes: Int

    init(_ file: any LogFile, salt: UInt32, position: Int, windowBytes: Int = 1 << 20) {
        self.file = file
        self.salt = salt
        self.position = position
        self.windowBytes = windowBytes
    }

    /// Brings the whole frame at which it stands into memory.
    /// - Parameter limit: nothing behind this position of the file is looked at.
    /// - Returns: nil where there is no whole frame with a head as it was written.
    mutating func load(before limit: Int) throws(MartletError) -> FrameHeader? {
        guard try hold(FrameHeader.fixedBytes, before: limit) else { return nil }
        let headerBytes = window.withUnsafeBytes { bytes in
            Int(bytes.load(position - windowStart + 12, as: UInt32.self))
        }
        guard headerBytes <= FrameHeader.mostBytes, try hold(headerBytes, before: limit) else { return nil }
        let header = window.withUnsafeBytes { bytes in
            FrameHeader(UnsafeRawBufferPointer(rebasing: bytes[(position - windowStart)...]), salt: salt)
        }
        guard let header, try hold(header.frameBytes, before: limit) else { return nil }
        return header
    }

    /// The bytes of the frame that `load` found.
    func withFrame<Result>(_ header: FrameHeader, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        window.withUnsafeBytes { bytes in
            let start = position - windowStart
            return body(UnsafeRawBufferPointer(rebasing: bytes[start..<start + header.frameBytes]))
        }
    }

    mutating func advance(past header: FrameHeader) { position += header.frameBytes }

    mutating func move(to position: Int) { self.position = position }

    private mutating func hold(_ count: Int, before limit: Int) throws(MartletError) -> Bool {
        guard count <= limit - position else { return false }
        let isHeld = windowStart <= position && position + count <= windowStart + window.count
        if !isHeld {
            windowStart = position
            try file.read(position..<min(limit, position + max(count, windowBytes)), into: &window)
        }
        return count <= windowStart + window.count - position
    }
}
