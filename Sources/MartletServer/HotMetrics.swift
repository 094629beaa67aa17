internal import MartletHTTP
internal import MartletOnline
internal import MartletPlatform

/// The hot tier, as Prometheus reads it.
func writeHotMetrics(_ keeper: HotKeeper, labels: String, to writer: inout ByteWriter) {
    let statistics = keeper.tier.statistics
    func metric(_ name: String, _ kind: String, _ help: String, _ value: some CustomStringConvertible) {
        let name = "martlet_hot_tier_\(name)"
        writer.append(text: "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n\(name){\(labels)} \(value)\n")
    }
    metric("hits_total", "counter", "Keys answered from memory.", statistics.hits)
    metric("misses_total", "counter", "Keys for which the store was asked.", statistics.misses)
    metric("hit_ratio", "gauge", "Hits of all keys asked for, since the start.", statistics.hitRatio)
    metric("admissions_total", "counter", "Records taken into memory.", statistics.admissions)
    metric("rejections_total", "counter", "Records not taken in: asked for once, or too large.", statistics.rejections)
    metric("evictions_total", "counter", "Records that gave way to others.", statistics.evictions)
    metric("invalidations_total", "counter", "Records taken out because they were written.", statistics.invalidations)
    metric("stale_answers_total", "counter", "Answers from memory while the store was away.", statistics.staleAnswers)
    metric("warmed_total", "counter", "Records read ahead at start and after flips.", keeper.warmedRecords)
    metric("entries", "gauge", "Records and known absences in memory.", statistics.entries)
    metric("used_bytes", "gauge", "Memory that they take.", statistics.usedBytes)
}
