package import MartletLog

extension Workspace {
    package func deadLetters() throws -> [DeadLetter.Arrival] { try intake.deadLetters.list() }
}
