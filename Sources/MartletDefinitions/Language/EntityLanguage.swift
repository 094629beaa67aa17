internal import MartletCore

extension DefinitionLanguage {
    /// The types a join key can have; floating-point numbers are refused because equality of them surprises.
    static let keyTypes: [DataType] = DataType.scalars.filter { $0 != .float32 && $0 != .float64 }

    static let entity = ObjectShape(
        "an entity", "What features describe: a customer, a card.",
        named(.entity, "The name of the entity.") + [
            MemberShape("key", .name, "The name of its one join key."),
            MemberShape("type", keyType, "The type of the join key."),
            MemberShape("keys", .map(keyType), "Several join keys with their types, in the order of the key."),
        ],
        exactlyOne: [["key", "keys"]], needs: [("type", "key"), ("key", "type")])

    private static let keyType: Shape = .choice(keyTypes.map(\.rawValue))
}

extension EntityDefinition {
    /// - Returns: nil where the object has faults, which are reported already.
    init?(_ object: CheckedObject, about: About) {
        guard object.isWhole else { return nil }
        if let key = object.text("key"), let type = object.text("type").flatMap(DataType.init(rawValue:)) {
            self.init(about: about, keys: [Field(key, type, isNullable: false)])
        } else {
            let keys = (object["keys"]?.map ?? []).compactMap { entry in
                entry.value.text.flatMap(DataType.init(rawValue:)).map { Field(entry.name, $0, isNullable: false) }
            }
            self.init(about: about, keys: keys)
        }
    }
}
