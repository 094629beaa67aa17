internal import MartletCore

/// The folder of a log's segments on a disk.
struct SegmentFolder: Sendable {
    let path: String
    let workspace: WorkspaceID
    let disk: any LogDisk
    let settings: LogSettings

    func path(_ baseOffset: Int64) -> String { "\(path)/\(segmentName(baseOffset))" }

    /// The offsets at which segments begin, ascending. Files that never came into their place are removed.
    func baseOffsets() throws(MartletError) -> [Int64] {
        var offsets: [Int64] = []
        for name in try disk.list(path).sorted() {
            if name.hasSuffix(temporarySuffix) {
                try disk.remove("\(path)/\(name)")
            } else if let offset = segmentOffset(name) {
                offsets.append(offset)
            }
        }
        return offsets.sorted()
    }

    /// - Throws: `corruptData` where the file does not begin as a segment of this log.
    func header(_ file: any LogFile, baseOffset: Int64) throws(MartletError) -> SegmentHeader {
        guard let header = SegmentHeader(try file.bytes(0..<SegmentHeader.mostBytes)), header.baseOffset == baseOffset
        else { throw damage(baseOffset, at: 0, "it does not begin as a segment that begins at its offset") }
        guard header.workspace == workspace else {
            throw MartletError(
                .corruptData, "this is the log of \(header.workspace), not of \(workspace)",
                place: .init(file: path(baseOffset)), fix: "give back each workspace its own folder")
        }
        return header
    }

    /// What is known of a closed segment: from its index, or by reading it where there is no index that fits.
    /// - Throws: `corruptData` where it is damaged.
    func closedSummary(_ baseOffset: Int64) throws(MartletError) -> SegmentSummary {
        let file = try disk.open(path(baseOffset), for: .reading)
        let size = try file.sizeBytes()
        if let summary = indexSummary(baseOffset), summary.baseOffset == baseOffset, summary.sizeBytes == size {
            _ = try header(file, baseOffset: baseOffset)
            return summary
        }
        return try rebuildIndex(baseOffset).summary
    }

    private func indexSummary(_ baseOffset: Int64) -> SegmentSummary? {
        do {
            let file = try disk.open("\(path)/\(segmentName(baseOffset, "index"))", for: .reading)
            return SegmentIndex.summary(try file.bytes(0..<SegmentIndex.headBytes))
        } catch {
            // Missing or unreadable: it is made again from the segment.
            return nil
        }
    }

    /// The index of a closed segment.
    func index(_ summary: SegmentSummary) throws(MartletError) -> SegmentIndex {
        let baseOffset = summary.baseOffset
        do {
            let bytes = try disk.wholeFile("\(path)/\(segmentName(baseOffset, "index"))")
            if let index = SegmentIndex(bytes), index.summary.baseOffset == baseOffset,
                index.summary.sizeBytes == summary.sizeBytes
            {
                return index
            }
        } catch {
            // As above.
        }
        return try rebuildIndex(baseOffset)
    }

    private func rebuildIndex(_ baseOffset: Int64) throws(MartletError) -> SegmentIndex {
        let scan = try scanClosed(baseOffset)
        try writeIndex(scan.index)
        return scan.index
    }

    /// Reads the whole of a closed segment.
    /// - Throws: `corruptData` where not every byte of it belongs to a whole frame.
    func scanClosed(_ baseOffset: Int64) throws(MartletError) -> SegmentScan {
        let file = try disk.open(path(baseOffset), for: .reading)
        let size = try file.sizeBytes()
        let scan = try SegmentScan(
            file, header: header(file, baseOffset: baseOffset), sizeBytes: size, indexBytes: settings.indexBytes)
        guard scan.index.summary.sizeBytes == size else {
            throw damage(baseOffset, at: scan.index.summary.sizeBytes, "a closed segment has no whole frame there")
        }
        return scan
    }

    func writeIndex(_ index: SegmentIndex) throws(MartletError) {
        try disk.replace(segmentName(index.summary.baseOffset, "index"), in: path, with: index.bytes)
    }

    func damage(_ baseOffset: Int64, at position: Int, _ what: String) -> MartletError {
        MartletError(
            .corruptData, "the log is damaged at byte \(position): \(what)", place: .init(file: path(baseOffset)),
            fix: "restore the file from a backup; what stands before that byte is whole")
    }
}
