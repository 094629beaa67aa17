/// What one YAML file may cost. Aliases and anchors are refused altogether, so that a file cannot grow while it is
/// read.
package struct YAMLLimits: Sendable {
    /// The size of a file in bytes.
    package var maximumSizeBytes = 1 << 20
    /// Lists and mappings within each other.
    package var maximumDepth = 32
    /// Scalars, lists and mappings of a file.
    package var maximumNodes = 200_000

    package init() {}
}
