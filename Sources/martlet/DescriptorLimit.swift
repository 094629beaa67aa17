internal import Glibc

/// Lets this process have so many files and connections open at once, as far as the system allows; a login shell often
/// allows 1,024 where it could allow more.
/// - Returns: how many there may be.
func raiseDescriptorLimit(to wanted: Int) -> Int {
    var limit = rlimit()
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    guard getrlimit(resource, &limit) == 0 else { return wanted }
    if limit.rlim_cur < rlim_t(wanted) {
        limit.rlim_cur = min(rlim_t(wanted), limit.rlim_max)
        setrlimit(resource, &limit)
    }
    return Int(clamping: limit.rlim_cur)
}
