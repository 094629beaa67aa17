/// How embeddings are searched for the nearest to a query.
package struct VectorSearch: Sendable, Hashable {
    package var metric: VectorMetric
    /// The number of elements of each.
    package var dimensions: Int

    package init(metric: VectorMetric, dimensions: Int) {
        self.metric = metric
        self.dimensions = dimensions
    }
}

/// What is near. Of every metric the smaller distance is the nearer.
package enum VectorMetric: String, Sendable, Hashable, CaseIterable {
    /// 1 less the cosine of the angle, from 0 to 2; a vector of length 0 is near nothing.
    case cosine
    /// The Euclidean distance.
    case l2
    /// The inner product, negated.
    case innerProduct = "inner_product"
}
