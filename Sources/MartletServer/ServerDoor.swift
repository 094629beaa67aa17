package import MartletHTTP

/// What whoever starts a server says about its door, beside the settings of the workspace.
package struct ServerDoor: Sendable {
    /// With it the server speaks TLS alone.
    package var tls: TLSFiles?
    /// Where a line is written for each request: a file, or `-` for standard output.
    package var accessLog: String?
    /// How long a server that is told to stop serves on while clients are sent elsewhere.
    package var drainDelaySeconds = 0

    package init() {}
}
