#ifndef CMARTLET_SIMDJSON_H
#define CMARTLET_SIMDJSON_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// A parsed document: simdjson's tape (its doc/tape.md) and the buffer of its strings, each a u32 length, the bytes and
// a zero.
struct cmartlet_json {
    const uint64_t *tape;
    const uint8_t *strings;
    // What cmartlet_json_release takes back.
    void *owner;
    // NULL, or in English why the bytes are not one JSON document of at most that depth; static storage.
    const char *failure;
};

// Parses `count` bytes; with `is_padded`, 64 readable bytes follow them and nothing is copied. The document belongs to
// the calling thread, which must release it.
struct cmartlet_json cmartlet_json_parse(const uint8_t *bytes, size_t count, int is_padded, size_t depth_limit);
void cmartlet_json_release(struct cmartlet_json document);

// The shortest decimal text that reads back as the same finite double, with ".0" on whole numbers. Needs 40 bytes;
// returns the number written.
size_t cmartlet_format_double(double value, char *text);

// The number in decimal. Needs 20 bytes; returns the number written.
size_t cmartlet_format_integer(int64_t value, char *text);

// A small number of the calling thread, counted from 0 in the order of the first calls.
size_t cmartlet_thread_number(void);

#ifdef __cplusplus
}
#endif
#endif
