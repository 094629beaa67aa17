internal import MartletCore
internal import MartletDefinitions
internal import MartletHTTP
internal import MartletPlatform

/// `GET /v1/status`: how far the workspace's events have come. 409 where this server takes none in.
func showStatus(_ workspace: Workspace, _ live: LiveEvents) -> Reply {
    later {
        guard let status = live.status else {
            throw MartletError(.conflict, "another process takes the events of this workspace in", fix: "ask that one")
        }
        var json = JSONWriter()
        WorkspaceStatus(status, workspace: "\(workspace.settings.workspace)").write(to: &json)
        return Response(body: json.bytes)
    }
}
