package import MartletCore

/// Features that are computed when they are asked for, from other features and from values given with the request.
package struct DerivedFeatures: Sendable, Hashable {
    /// The values that a request gives; in a training set columns of the labels.
    package var request: [Field]
    package var features: [DerivedFeature]

    package init(request: [Field] = [], features: [DerivedFeature]) {
        self.request = request
        self.features = features
    }
}

package struct DerivedFeature: Sendable, Hashable {
    package var name: String
    /// As its author wrote it; `FeatureViewDefinition.expressions` reads it.
    package var expression: String
    /// Follows from the expression.
    package var type: DataType
    package var description: String

    package init(name: String, expression: String, type: DataType, description: String = "") {
        self.name = name
        self.expression = expression
        self.type = type
        self.description = description
    }
}
