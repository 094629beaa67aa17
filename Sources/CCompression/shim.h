#include <brotli/encode.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

// The starts of zlib are macros, and its counts are 32-bit fields of a struct: these wrappers take whole buffers.

// Room that a gzip member of `count` bytes never exceeds.
static inline size_t cmartlet_gzip_bound(size_t count) { return compressBound(count) + 18; }

// Writes one gzip member (RFC 1952); 0 where there is no memory or room.
static inline size_t cmartlet_gzip(const void *bytes, size_t count, int level, void *target, size_t room) {
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    if (count > UINT32_MAX || room > UINT32_MAX) return 0;
    if (deflateInit2(&stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
    stream.next_in = (Bytef *)bytes;
    stream.avail_in = (uInt)count;
    stream.next_out = (Bytef *)target;
    stream.avail_out = (uInt)room;
    const int status = deflate(&stream, Z_FINISH);
    const size_t written = room - stream.avail_out;
    deflateEnd(&stream);
    return status == Z_STREAM_END ? written : 0;
}

enum { cmartlet_gunzip_damaged = -1, cmartlet_gunzip_too_large = -2 };

// Reads exactly one gzip member into at most `room` bytes; the count, or one of the above.
static inline long cmartlet_gunzip(const void *bytes, size_t count, void *target, size_t room) {
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    if (count > UINT32_MAX || room > UINT32_MAX) return cmartlet_gunzip_too_large;
    stream.next_in = (Bytef *)bytes;
    stream.avail_in = (uInt)count;
    if (inflateInit2(&stream, 15 + 16) != Z_OK) return cmartlet_gunzip_damaged;
    stream.next_out = (Bytef *)target;
    stream.avail_out = (uInt)room;
    const int status = inflate(&stream, Z_FINISH);
    const size_t written = room - stream.avail_out;
    const uInt rest = stream.avail_in;
    inflateEnd(&stream);
    if (status == Z_STREAM_END) return rest == 0 ? (long)written : cmartlet_gunzip_damaged;
    // Input is left, and there is no room for what comes of it.
    if (status == Z_BUF_ERROR && rest > 0) return cmartlet_gunzip_too_large;
    if ((status == Z_OK || status == Z_BUF_ERROR) && written == room) return cmartlet_gunzip_too_large;
    return cmartlet_gunzip_damaged;
}
