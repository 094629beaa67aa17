internal import MartletCore

extension SimulatedDisk.State {
    static let sectorBytes = 512

    mutating func change(_ changes: [(path: String, inode: Int?)], in folder: String) {
        for (path, inode) in changes { entries[path] = inode }
        pending.append((changes, folder))
    }

    mutating func makeDurable(_ changes: [(path: String, inode: Int?)]) {
        for (path, inode) in changes { durableEntries[path] = inode }
    }

    mutating func resize(_ inode: Int, to size: Int) {
        let old = inodes[inode].bytes.count
        if size < old {
            inodes[inode].bytes.removeLast(old - size)
        } else {
            inodes[inode].bytes += [UInt8](repeating: 0, count: size - old)
        }
        for sector in min(size, old) / Self.sectorBytes...max(size, old) / Self.sectorBytes {
            inodes[inode].dirty.insert(sector)
        }
    }

    mutating func write(_ bytes: ArraySlice<UInt8>, to inode: Int, at position: Int) {
        if bytes.isEmpty { return }
        let end = position + bytes.count
        if end > inodes[inode].bytes.count { resize(inode, to: end) }
        inodes[inode].bytes.replaceSubrange(position..<end, with: bytes)
        for sector in position / Self.sectorBytes...(end - 1) / Self.sectorBytes { inodes[inode].dirty.insert(sector) }
    }

    mutating func sync(_ inode: Int) {
        inodes[inode].durable = inodes[inode].bytes
        inodes[inode].dirty.removeAll()
    }

    /// Some of what was to be made durable is, the rest never will be, and nobody can tell.
    mutating func failSync(_ inode: Int) {
        inodes[inode].durable = survivor(of: inodes[inode])
        inodes[inode].dirty.removeAll()
    }

    mutating func endLife() {
        life += 1
        locked.removeAll()
    }

    mutating func cutPower() {
        endLife()
        isDown = true
        for index in inodes.indices where !inodes[index].dirty.isEmpty {
            inodes[index].durable = survivor(of: inodes[index])
        }
        for step in pending where random.advance() & 1 == 0 { makeDurable(step.changes) }
        pending.removeAll()
        entries = durableEntries
        for index in inodes.indices {
            inodes[index].bytes = inodes[index].durable
            inodes[index].dirty.removeAll()
        }
    }

    /// What is left of a file when the power goes before it is synced.
    private mutating func survivor(of inode: SimulatedDisk.Inode) -> [UInt8] {
        var left = inode.durable
        let sizes = [left.count, inode.bytes.count]
        let size = random.advance() % 3 == 0 ? sizes[Int(random.advance() & 1)] : between(sizes[0], sizes[1])
        if size < left.count {
            left.removeLast(left.count - size)
        } else {
            left += [UInt8](repeating: 0, count: size - left.count)
        }
        // One in three times all that was written arrived, else each sector or not.
        let isWhole = random.advance() % 3 == 0
        for sector in inode.dirty.sorted() where isWhole || random.advance() & 1 == 0 {
            let start = sector * Self.sectorBytes
            let end = min(start + Self.sectorBytes, left.count, inode.bytes.count)
            if start < end { left.replaceSubrange(start..<end, with: inode.bytes[start..<end]) }
        }
        return left
    }

    private mutating func between(_ one: Int, _ other: Int) -> Int {
        min(one, other) + Int(random.advance() % UInt64(abs(one - other) + 1))
    }
}
