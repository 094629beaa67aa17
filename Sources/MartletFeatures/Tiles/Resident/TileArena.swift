import MartletCore

/// Memory for blocks of tiles: powers of two times a tile's size, carved from large pieces, freed blocks used again.
/// One for each tier, so that a block's class is its capacity.
///
/// Freed with its owner, `ResidentTiles`, by `deallocate`.
struct TileArena {
    private let tileByteCount: Int
    private var pieces: [UnsafeMutableRawBufferPointer] = []
    private var next: UnsafeMutableRawPointer?
    private var remaining = 0
    /// By the logarithm of the capacity; a free block holds the address of the next one.
    private var free: [UnsafeMutableRawPointer?] = Array(repeating: nil, count: 33)
    private static let leastPieceByteCount = 16 << 10
    private static let greatestPieceByteCount = 32 << 20

    init(tileByteCount: Int) { self.tileByteCount = tileByteCount }

    /// What was asked of the system.
    private(set) var byteCount = 0

    mutating func allocate(_ logarithm: Int) -> UnsafeMutableRawPointer {
        if let block = free[logarithm] {
            free[logarithm] = block.load(as: UnsafeMutableRawPointer?.self)
            return block
        }
        let size = tileByteCount << logarithm
        if size > remaining {
            let growth = min(Self.greatestPieceByteCount, max(Self.leastPieceByteCount, byteCount / 4))
            let piece = UnsafeMutableRawBufferPointer.allocate(
                byteCount: max(size, growth), alignment: growth < 4 << 20 ? 64 : 2 << 20)
            adviseLargePages(piece)
            pieces.append(piece)
            byteCount += piece.count
            next = piece.baseAddress
            remaining = piece.count
        }
        guard let block = next else { preconditionFailure("a piece has an address") }
        next = block + size
        remaining -= size
        return block
    }

    mutating func release(_ block: UnsafeMutableRawPointer, _ logarithm: Int) {
        block.storeBytes(of: free[logarithm], as: UnsafeMutableRawPointer?.self)
        free[logarithm] = block
    }

    mutating func deallocate() {
        for piece in pieces { piece.deallocate() }
        pieces = []
        free = []
    }
}

/// The tiles of one key in one tier, ascending. The newest is kept beside the run; the others in a block of an arena,
/// `first ..< first + count - 1` of whose places are in use, so that old tiles go without moving the others.
struct TileRun: BitwiseCopyable {
    var block: UnsafeMutableRawPointer?
    /// Where the newest tile starts, microseconds; the smallest number where there is none.
    var newestStart = Int64.min
    var first: Int32 = 0
    /// Of all tiles.
    var count: Int32 = 0
    var logarithm: Int32 = 0
    /// No tile starts before it, in units of `age`: tells without looking at the block whether some may be old.
    var leastAge = Int32.max

    /// 2^30 microseconds, 18 minutes, so that 32 bits hold all times.
    static func age(_ time: Int64) -> Int32 { Int32(clamping: time &>> 30) }

    var capacity: Int { block == nil ? 0 : 1 << Int(logarithm) }
}

/// What every tile begins with: where it starts, and how many events it has.
struct TileHead {
    static let byteCount = 16
    /// Added to the number of events where a stored record did not tell it: it stays negative.
    static let unknownRows = Int64.min / 2
}
