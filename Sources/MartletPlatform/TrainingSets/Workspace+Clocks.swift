package import MartletCore
internal import MartletDefinitions
internal import MartletQuery

/// How the values of a service differ between the two clocks.
package struct ClockReport: Sendable {
    package struct Feature: Sendable {
        /// The name of the feature's column. Derived features are told by those that they are made of.
        package let name: String
        package let count: ClockCount
        /// Whether the source tells when events arrived; else arrival is the moment of ingestion.
        package let hasArrivalTimes: Bool
    }

    package let service: String
    package let rowCount: Int
    package let features: [Feature]
    /// Of every table read, the labels' included.
    package let tableVersions: [String: Int64]
}

extension Workspace {
    /// Computes every feature on both clocks and counts what differs, and why. Writes nothing.
    /// - Parameter examples: how many label rows to name for each feature.
    package func compareClocks(
        _ request: TrainingSetRequest, examples: Int = 5, memoryBytes: Int? = nil,
        progress: any ProgressReporter = SilentProgress(), cancellation: Cancellation = Cancellation()
    ) throws -> ClockReport {
        sweepAbandonedWork()
        let connection = try engine.connect()
        return try connection.interrupted(by: cancellation) {
            let plan = try trainingSetPlan(request, connection)
            let counts =
                switch try way(of: plan, memoryBytes, connection, progress, cancellation, clockExamples: examples) {
                case .whole(let whole): try whole.clocks(examples: examples)
                case .spilled(let spilled): try spilled.clocks()
                }
            let arrivals = plan.members.flatMap { member in member.features.map { _ in member.hasArrivalTimes } }
            return ClockReport(
                service: request.service, rowCount: plan.labels.rowCount,
                features: zip(zip(plan.members.flatMap(\.columnNames), counts), arrivals).map {
                    ClockReport.Feature(name: $0.0, count: $0.1, hasArrivalTimes: $1)
                }, tableVersions: plan.tableVersions)
        }
    }
}
