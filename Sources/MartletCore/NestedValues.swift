/// Lists of a column in one run of elements: list `i` is `elements[offsets[i]..<offsets[i + 1]]`.
package struct ListValues: Sendable, Hashable {
    package private(set) var offsets: [Int32]
    package private(set) var elements: Column

    /// - Precondition: the elements are scalars, none is null; `offsets` starts at 0, never falls and ends at their
    ///   number.
    package init(offsets: [Int32], elements: Column) {
        precondition(offsets.first == 0 && offsets.last == Int32(elements.count), "offsets span the elements")
        precondition(!elements.type.isNested && elements.nullCount == 0, "elements are scalars and none is null")
        self.offsets = offsets
        self.elements = elements
    }

    package var count: Int { offsets.count - 1 }

    package func range(_ index: Int) -> Range<Int> { Int(offsets[index])..<Int(offsets[index + 1]) }

    /// The lists named by `rows`; a negative row gives an empty one.
    func gathering(fitting rows: [Int32]) -> ListValues {
        var picked: [Int32] = []
        let offsets = pickedOffsets(rows, offsets, &picked)
        return ListValues(offsets: offsets, elements: elements.gathering(fitting: picked))
    }
}

/// Maps of a column in one run of entries: map `i` has `keys[j]` and `values[j]` for each `j` of its range.
package struct MapValues: Sendable, Hashable {
    package private(set) var offsets: [Int32]
    package private(set) var keys: ByteStrings
    package private(set) var values: Column

    /// - Precondition: the values are scalars, none is null; within a map the keys ascend by their bytes; `offsets`
    ///   starts at 0, never falls and ends at the number of entries.
    package init(offsets: [Int32], keys: ByteStrings, values: Column) {
        precondition(offsets.first == 0 && offsets.last == Int32(values.count), "offsets span the entries")
        precondition(keys.count == values.count, "one key a value")
        precondition(!values.type.isNested && values.nullCount == 0, "values are scalars and none is null")
        self.offsets = offsets
        self.keys = keys
        self.values = values
    }

    package var count: Int { offsets.count - 1 }

    package func range(_ index: Int) -> Range<Int> { Int(offsets[index])..<Int(offsets[index + 1]) }

    /// The maps named by `rows`; a negative row gives an empty one.
    func gathering(fitting rows: [Int32]) -> MapValues {
        var picked: [Int32] = []
        let offsets = pickedOffsets(rows, offsets, &picked)
        var texts = ByteStrings()
        texts.reserveCapacity(picked.count, bytes: 0)
        for row in picked { texts.append(contentsOf: keys.slice(Int(row))) }
        return MapValues(offsets: offsets, keys: texts, values: values.gathering(fitting: picked))
    }
}

private func pickedOffsets(_ rows: [Int32], _ offsets: [Int32], _ picked: inout [Int32]) -> [Int32] {
    var result: [Int32] = [0]
    result.reserveCapacity(rows.count + 1)
    for row in rows {
        if row >= 0 { picked.append(contentsOf: offsets[Int(row)]..<offsets[Int(row) + 1]) }
        result.append(Int32(picked.count))
    }
    return result
}
