internal import Glibc

/// Wakes a thread that waits in `poll`: a pipe whose reading end it watches beside its sockets.
final class WakePipe: Sendable {
    let readDescriptor: Int32
    let writeDescriptor: Int32

    init() {
        var ends: [Int32] = [0, 0]
        let made = pipe(&ends)
        precondition(made == 0, "no pipe could be made")
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        readDescriptor = ends[0]
        writeDescriptor = ends[1]
    }

    deinit {
        close(readDescriptor)
        close(writeDescriptor)
    }

    func signal() {
        var byte: UInt8 = 1
        // A full pipe wakes as well.
        _ = write(writeDescriptor, &byte, 1)
    }

    /// Waits until it is signalled, or `descriptor` can be read (or written, where wished), or the time is over.
    func wait(milliseconds: Int32, reading descriptor: Int32 = -1, alsoWriting: Bool = false) {
        var watched = [
            pollfd(fd: readDescriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: descriptor, events: Int16(POLLIN) | (alsoWriting ? Int16(POLLOUT) : 0), revents: 0),
        ]
        guard poll(&watched, descriptor >= 0 ? 2 : 1, milliseconds) > 0, watched[0].revents != 0 else { return }
        var buffer = [UInt8](repeating: 0, count: 256)
        while read(readDescriptor, &buffer, buffer.count) == buffer.count {}
    }
}
