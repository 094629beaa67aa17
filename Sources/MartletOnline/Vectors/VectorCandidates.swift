/// The rows of a matrix, nearest first, some at a time. Those without a distance come last.
struct VectorCandidates {
    private let distances: [Float]
    /// The last that was given.
    private var last: Candidate?

    private struct Candidate {
        var distance: Float
        var row: Int32

        /// Nearer, or equally near and before.
        @inline(__always)
        static func < (left: Candidate, right: Candidate) -> Bool {
            left.distance < right.distance || left.distance == right.distance && left.row < right.row
        }
    }

    init(_ distances: [Float]) {
        // A NaN compares with nothing: as an infinity it has its place, behind all others.
        self.distances = distances
    }

    /// The next `count` rows; fewer at the end. O(rows + rows near enough x log count).
    mutating func next(_ count: Int) -> [Int32] {
        // A heap with the farthest at its root.
        var heap: [Candidate] = []
        heap.reserveCapacity(count)
        distances.withUnsafeBufferPointer { distances in
            for row in distances.indices {
                let distance = distances[row].isNaN ? Float.infinity : distances[row]
                if heap.count == count, distance > heap[0].distance { continue }
                let candidate = Candidate(distance: distance, row: Int32(truncatingIfNeeded: row))
                if let last, !(last < candidate) { continue }
                if heap.count < count {
                    heap.append(candidate)
                    rise(&heap)
                } else if candidate < heap[0] {
                    heap[0] = candidate
                    sink(&heap)
                }
            }
        }
        let sorted = heap.sorted { $0 < $1 }
        last = sorted.last ?? last
        return sorted.map(\.row)
    }

    private func rise(_ heap: inout [Candidate]) {
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[parent] < heap[child] else { return }
            heap.swapAt(parent, child)
            child = parent
        }
    }

    private func sink(_ heap: inout [Candidate]) {
        var parent = 0
        while true {
            var largest = 2 * parent + 1
            if largest >= heap.count { return }
            if largest + 1 < heap.count, heap[largest] < heap[largest + 1] { largest += 1 }
            guard heap[parent] < heap[largest] else { return }
            heap.swapAt(parent, largest)
            parent = largest
        }
    }
}
