internal import MartletCore

/// What is asked of a list or a map.
extension ExpressionFunction {
    /// The functions that take lists and maps; some of these names mean something for scalars, too.
    static let ofElements: Set<String> = ["length", "contains", "element", "sum", "mean", "min", "max"]

    /// The operation on a list or a map of this type with its other operand, and the type of the result.
    /// - Returns: nil where the function does not take it; `wanted` says what it takes.
    static func elements(
        _ name: String, _ type: ExpressionType
    ) -> (operation: ExpressionOperation, other: ExpressionType?, result: ExpressionType)? {
        guard let element = type.element else { return nil }
        let isMap = type == .map(element)
        let isOrdered = element.isNumber || element == .timestamp
        switch name {
        case "length": return (.elementCount, nil, .integer)
        case "contains": return isMap ? (.hasKey, .text, .bool) : (.hasElement, element, .bool)
        case "element": return isMap ? (.valueOfKey, .text, element) : (.elementAt, .integer, element)
        case "sum": return element.isNumber ? (.elementSum, nil, element) : nil
        case "mean": return element.isNumber ? (.elementMean, nil, .real) : nil
        case "min": return isOrdered ? (.elementMinimum, nil, element) : nil
        case "max": return isOrdered ? (.elementMaximum, nil, element) : nil
        default: return nil
        }
    }

    /// For messages.
    static func elementUsage(_ name: String) -> String {
        switch name {
        case "contains": "contains(list, value) or contains(map, key)"
        case "element": "element(list, place) or element(map, key)"
        default: "\(name)(list)"
        }
    }
}
