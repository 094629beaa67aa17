internal import MartletCore

/// What the codes of PostgreSQL's failures mean (its manual, appendix A). Its sentences are not repeated: they may
/// quote rows.
enum PostgresFailure {
    static func error(state: String) -> MartletError {
        let (meaning, fix) = meaning(of: state)
        return MartletError(code(of: state), "PostgreSQL refused: \(meaning) (SQLSTATE \(state))", fix: fix)
    }

    private static func code(of state: String) -> MartletError.Code {
        switch state.prefix(2) {
        case "42", "3D", "3F": state == "42710" ? .conflict : .notFound
        case "0A", "22", "23": .invalidInput
        case "40", "55": .conflict
        default: .storeUnavailable
        }
    }

    private static func meaning(of state: String) -> (String, String?) {
        switch state {
        case "28P01", "28000": ("the user or the password is wrong", "check the URL and pg_hba.conf")
        case "3D000": ("there is no such database", nil)
        case "42P01": ("there is no such table", nil)
        case "42704": ("there is no such object, slot or publication", nil)
        case "42710": ("an object of this name exists already", nil)
        case "42501": ("the user may not do that", "grant it REPLICATION and SELECT on the table")
        case "55006":
            ("the slot or object is in use", "stop who uses it; a connection that broke is let go in a minute")
        case "55000": ("it is not in the state for that", "set wal_level = logical; a lost slot must be made again")
        case "53300": ("it has no connection left", "raise max_connections or max_wal_senders")
        case "53400": ("it has no replication slot left", "raise max_replication_slots")
        case "57P01", "57P02", "57P03": ("it is starting, ending or was ended", nil)
        case "57014": ("the statement was cancelled", nil)
        case "40001", "40P01": ("the transaction met another", nil)
        case "58P01": ("the change log it should send is gone", "raise max_slot_wal_keep_size")
        default: ("it failed", "its log says more")
        }
    }
}
