/// What keeps the data of a part: `sqlite:.martlet/registry.db`, `duckdb`.
package struct BackendURL: Sendable, Hashable, CustomStringConvertible {
    package var scheme: String
    /// What follows the colon: for embedded ones a path, relative to the repository.
    package var location: String

    package init(scheme: String, location: String) {
        self.scheme = scheme
        self.location = location
    }

    /// Reads `scheme:location`, or the scheme alone.
    package init(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        self.init(scheme: parts[0], location: parts.count > 1 ? parts[1] : "")
    }

    /// The scheme alone where there is no location: in YAML a value that ends with a colon is a mapping.
    package var description: String { location.isEmpty ? scheme : "\(scheme):\(location)" }

    /// The location as a path, from the repository's folder where it is relative.
    package func path(in directory: String) -> String {
        if location.hasPrefix("/") || directory.isEmpty || directory == "." { return location }
        return directory.hasSuffix("/") ? directory + location : "\(directory)/\(location)"
    }
}
