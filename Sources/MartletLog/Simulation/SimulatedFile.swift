internal import MartletCore

final class SimulatedFile: LogFile {
    private let disk: SimulatedDisk
    private let inode: Int
    private let life: Int
    private let path: String

    init(_ disk: SimulatedDisk, inode: Int, life: Int, path: String) {
        self.disk = disk
        self.inode = inode
        self.life = life
        self.path = path
    }

    func sizeBytes() throws(MartletError) -> Int {
        try disk.call(11, path, life: life) { state throws(MartletError) in state.inodes[inode].bytes.count }
    }

    func write(_ pieces: [[UInt8]], at position: Int) throws(MartletError) {
        let bytes = Array(pieces.joined())
        try disk.call(
            12, path, size: bytes.count, life: life,
            onFault: { state, fault in
                // Before it fails, a part has been written.
                let part = fault == .shortWrite ? bytes.count / 2 : fault == .powerCut ? bytes.count : 0
                state.write(bytes[..<part], to: inode, at: position)
            }
        ) { state throws(MartletError) in
            state.write(bytes[...], to: inode, at: position)
        }
    }

    func read(at position: Int, into bytes: UnsafeMutableRawBufferPointer) throws(MartletError) -> Int {
        let found = try disk.call(13, path, size: bytes.count, life: life) { state throws(MartletError) in
            let all = state.inodes[inode].bytes
            return Array(all[min(position, all.count)..<min(position + bytes.count, all.count)])
        }
        UnsafeMutableRawBufferPointer(rebasing: bytes[..<found.count]).copyBytes(from: found)
        return found.count
    }

    func truncate(to sizeBytes: Int) throws(MartletError) {
        try disk.call(14, path, size: sizeBytes, life: life) { state throws(MartletError) in
            state.resize(inode, to: sizeBytes)
        }
    }

    func sync() throws(MartletError) {
        try disk.call(
            15, path, life: life,
            onFault: { state, fault in
                if fault != .powerCut { state.failSync(inode) }
            }
        ) { state throws(MartletError) in
            state.sync(inode)
        }
    }
}
