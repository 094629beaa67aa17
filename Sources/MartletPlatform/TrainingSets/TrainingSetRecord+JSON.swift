package import MartletCore
package import MartletRegistry

extension TrainingSetRecord {
    /// The record as both doors tell it.
    /// - Parameter withPlaces: whether to tell where labels and rows lie, which only this machine's users are told.
    package func write(to json: inout JSONWriter, withPlaces: Bool) {
        json.object { json in
            json.member("id", id)
            json.member("service", service)
            json.member("rows", rowCount)
            json.member("hash", hash)
            if withPlaces {
                json.member("output", output)
                json.member("labels", labelInput)
            }
            if let labelDigest { json.member("label_digest", labelDigest) }
            json.member("revision", revision)
            json.member("created_at", createdAt)
            json.member("created_by", principal)
            json.key("options")
            json.object { for (name, value) in options.sorted(by: { $0.key < $1.key }) { $0.member(name, value) } }
            json.key("tables")
            write(tableVersions, to: &json)
            json.key("definitions")
            write(definitionVersions, to: &json)
            json.key("columns")
            json.array { for column in columns { column.write(to: &$0) } }
        }
    }

    private func write(_ versions: [String: Int64], to json: inout JSONWriter) {
        json.object { for (name, version) in versions.sorted(by: { $0.key < $1.key }) { $0.member(name, version) } }
    }
}

extension DatasetColumn {
    fileprivate func write(to json: inout JSONWriter) {
        json.object {
            $0.member("name", name)
            $0.member("type", type)
            if let feature { $0.member("feature", feature) }
            $0.member("hash", hash)
            $0.member("nulls", nullCount)
            if let mean { $0.member("mean", mean) }
            if let minimum { $0.member("min", minimum) }
            if let maximum { $0.member("max", maximum) }
        }
    }
}
