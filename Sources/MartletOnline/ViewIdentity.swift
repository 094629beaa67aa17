package import MartletCore

/// What a view is called in an online store: each version of its definition has rows of its own, so that a new one is
/// loaded beside the old and serving changes over at once.
package struct ViewIdentity: Sendable, Hashable, CustomStringConvertible {
    package let workspace: WorkspaceID
    package let view: String
    package let version: Int
    /// Which of several sets of rows of one version: empty for those that loads make, else the name of a replay.
    package let build: String

    package init(workspace: WorkspaceID, view: String, version: Int, build: String = "") {
        self.workspace = workspace
        self.view = view
        self.version = version
        self.build = build
    }

    /// Injective: no part of it may hold a slash, an `@` or a plus sign.
    package var description: String {
        "\(workspace.tenant.name)/\(workspace.name)/\(view)@v\(version)" + (build.isEmpty ? "" : "+\(build)")
    }
}
