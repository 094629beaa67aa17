internal import MartletCore
internal import MartletHTTP

/// Lists and maps on their way into a column stand in the decoder's scratch memory, one element after another: a
/// number,
/// a time or a bool as 8 bytes, a text as its length (4 bytes) and its bytes; of a map each entry as key and value.
extension CellReader {
    /// An array, every element of which is a value of the element's type and none is null. A text is read as JSON, as
    /// files have it.
    func list(_ value: JSONElement, of element: DataType.Element, _ scratch: inout [UInt8]) -> Cell {
        if let text = value.utf8 {
            return nested(in: text) { list($0, of: element, &scratch) }
        }
        guard value.kind == .array else { return .misfit }
        let reader = CellReader(type: element.type, takesTimesWithoutZone: takesTimesWithoutZone)
        let start = scratch.count
        for item in value.elements where !reader.write(item, &scratch) { return .misfit }
        return .written(start..<scratch.count)
    }

    /// An object without repeated names, every member of which is a value of the type and none is null.
    func map(_ value: JSONElement, to element: DataType.Element, _ scratch: inout [UInt8]) -> Cell {
        if let text = value.utf8 {
            return nested(in: text) { map($0, to: element, &scratch) }
        }
        guard value.kind == .object else { return .misfit }
        let reader = CellReader(type: element.type, takesTimesWithoutZone: takesTimesWithoutZone)
        let members = Array(value.members).sorted { $0.name.lexicographicallyPrecedes($1.name) }
        let start = scratch.count
        for (index, member) in members.enumerated() {
            if index > 0, members[index - 1].name.elementsEqual(member.name) { return .misfit }
            appendText(member.name, to: &scratch)
            guard reader.write(member.value, &scratch) else { return .misfit }
        }
        return .written(start..<scratch.count)
    }

    private func nested(in text: UnsafeRawBufferPointer, _ read: (JSONElement) -> Cell) -> Cell {
        guard let document = try? JSONDocument(parsing: text) else { return .misfit }
        // A text within the text would be read for ever.
        return document.root.kind == .string ? .misfit : read(document.root)
    }

    /// - Returns: whether the element is a value of the type.
    private func write(_ item: JSONElement, _ scratch: inout [UInt8]) -> Bool {
        guard type == .string || type == .bytes else {
            guard case .bits(let bits) = read(item, &scratch) else { return false }
            withUnsafeBytes(of: bits) { scratch.append(contentsOf: $0) }
            return true
        }
        let start = scratch.count
        scratch.append(contentsOf: [0, 0, 0, 0])
        switch read(item, &scratch) {
        case .text(let bytes): scratch.append(contentsOf: bytes)
        case .written: break
        case .null, .misfit, .bits: return false
        }
        let length = UInt32(scratch.count - start - 4)
        scratch.withUnsafeMutableBytes { $0.storeBytes(of: length, toByteOffset: start, as: UInt32.self) }
        return true
    }
}

private func appendText(_ text: UnsafeRawBufferPointer, to scratch: inout [UInt8]) {
    withUnsafeBytes(of: UInt32(text.count)) { scratch.append(contentsOf: $0) }
    scratch.append(contentsOf: text)
}
