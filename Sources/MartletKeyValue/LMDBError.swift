internal import CLMDB
internal import Glibc
package import MartletCore

/// Gives an LMDB or errno status its place among the codes of `MartletError`.
package func keyValueError(status: Int32, doing action: String) -> MartletError {
    let reason = String(cString: mdb_strerror(status))
    switch status {
    case MDB_MAP_FULL:
        return MartletError(
            .diskFull, "the key-value store is full while \(action): \(reason)",
            fix: "raise the size limit of the online store, or drop views that are no longer served")
    case ENOSPC, EDQUOT:
        return MartletError(.diskFull, "the disk is full while \(action)", fix: "free some space and repeat")
    case MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_INVALID, MDB_VERSION_MISMATCH, MDB_PANIC:
        return MartletError(
            .corruptData, "the key-value store cannot be read while \(action): \(reason)",
            fix: "move the store's folder away and materialize again: everything in it is derived")
    case MDB_READERS_FULL:
        return MartletError(.limitExceeded, "too many readers of the key-value store while \(action): \(reason)")
    case MDB_MAP_RESIZED:
        return MartletError(
            .storeUnavailable, "another process opened the key-value store with a larger size limit while \(action)",
            fix: "restart this process with the same size limit")
    case MDB_BAD_VALSIZE:
        return MartletError(.limitExceeded, "a key is empty or longer than \(maximumKeyBytes) bytes while \(action)")
    case MDB_KEYEXIST:
        return MartletError(.conflict, "keys are out of order, or one exists already, while \(action)")
    case EACCES, EPERM, EROFS, ENOENT, EIO, EMFILE, ENFILE:
        return MartletError(.fileSystem, "\(reason) while \(action)")
    case ENOMEM:
        return MartletError(
            .storeUnavailable, "no memory for the key-value store while \(action)",
            fix: "lower its size limit, or raise the limit of the address space (ulimit -v)")
    default:
        return MartletError(.internalFault, "the key-value store answered \(status) while \(action): \(reason)")
    }
}

/// The longest key LMDB takes, as Debian builds it.
package let maximumKeyBytes = 511

@inline(__always)
func check(_ status: Int32, _ action: @autoclosure () -> String) throws(MartletError) {
    if status != MDB_SUCCESS { throw keyValueError(status: status, doing: action()) }
}
