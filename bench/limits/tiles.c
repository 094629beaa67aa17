#define _GNU_SOURCE
// The limit that `tiles` is held against: the same three tiers and the same arithmetic (exact sums in fixed point)
// without generality: one layout known beforehand, tiles in rings of fixed size, no late events, no nulls, one column.
//
// Usage: tiles KEYS EVENTS RUNS
// Prints one line of JSON: the seconds of each run, and a digest that proves that the work was done.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

typedef unsigned __int128 wide;
typedef struct {
    int64_t start, rows;
    uint64_t count, sum[3], squares[5];
    int64_t low, high;
    int64_t first[4], last[4];
    int64_t newest, items_low, items_high;
} tile;

enum { TIERS = 3, KEPT = 2 };
static const int64_t hop[TIERS] = {300000000LL, 3600000000LL, 86400000000LL};

static inline void add(uint64_t *to, const uint64_t *from, int count) {
    unsigned char carry = 0;
    for (int i = 0; i < count; i++) {
        unsigned long long sum;
        unsigned char first = __builtin_add_overflow(to[i], from[i], &sum);
        unsigned long long total;
        unsigned char second = __builtin_add_overflow(sum, (unsigned long long)carry, &total);
        to[i] = total;
        carry = first | second;
    }
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static uint64_t state = 20;
static uint64_t next(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: tiles KEYS EVENTS RUNS\n");
        return 2;
    }
    int64_t keys = atol(argv[1]), events = atol(argv[2]);
    int runs = atoi(argv[3]);
    int32_t *key = malloc(4 * events);
    int64_t *time = malloc(8 * events), *items = malloc(8 * events);
    double *amount = malloc(8 * events);
    tile *tiles = aligned_alloc(1 << 21, (keys * TIERS * KEPT * sizeof(tile) + (1 << 21)) >> 21 << 21);
    madvise(tiles, keys * TIERS * KEPT * sizeof(tile), MADV_HUGEPAGE);
    memset(tiles, 0, keys * TIERS * KEPT * sizeof(tile));
    for (int64_t i = 0; i < events; i++) {
        key[i] = next() % keys;
        time[i] = 1780272000000000LL + i * 50;
        amount[i] = (double)(next() % 10000000) / 100;
        items[i] = next() % 9 + 1;
    }
    printf("{\"seconds\": [");
    for (int run = 0; run <= runs; run++) {
        double begin = now();
        for (int64_t i = 0; i < events; i++) {
            uint64_t bits;
            memcpy(&bits, &amount[i], 8);
            uint64_t magnitude = (bits & 0xFFFFFFFFFFFFFULL) | 0x10000000000000ULL;
            unsigned place = (bits >> 52) - 1075 + 80;
            if (amount[i] == 0) magnitude = place = 0;
            uint64_t sum[5] = {0}, squares[8] = {0};
            wide shifted = (wide)magnitude << (place & 63);
            sum[place >> 6] = shifted;
            sum[(place >> 6) + 1] = shifted >> 64;
            wide square = (wide)magnitude * magnitude;
            unsigned shift = (2 * place) & 63, word = (2 * place) >> 6;
            wide low = (wide)(uint64_t)square << shift, high = (wide)(uint64_t)(square >> 64) << shift;
            squares[word] = low;
            squares[word + 1] = (uint64_t)(low >> 64) | (uint64_t)high;
            squares[word + 2] = high >> 64;
            int64_t ordered = (int64_t)bits;
            if (i + 16 < events)
                for (int t = 0; t < TIERS; t++) {
                    char *far = (char *)&tiles[((int64_t)key[i + 16] * TIERS + t) * KEPT];
                    for (int line = 0; line < 4; line++) __builtin_prefetch(far + 64 * line, 1);
                }
            for (int t = 0; t < TIERS; t++) {
                int64_t start = time[i] / hop[t] * hop[t];
                tile *to = &tiles[((int64_t)key[i] * TIERS + t) * KEPT];
                if (to->start != start) {
                    to[1] = to[0];
                    memset(to, 0, sizeof *to);
                    to->start = start;
                    to->low = to->items_low = INT64_MAX;
                    to->high = to->items_high = INT64_MIN;
                    to->first[0] = INT64_MAX;
                    to->last[0] = to->newest = INT64_MIN;
                }
                to->rows++;
                to->count++;
                add(to->sum, sum, 3);
                add(to->squares, squares, 5);
                if (ordered < to->low) to->low = ordered;
                if (ordered > to->high) to->high = ordered;
                if (time[i] < to->first[0]) {
                    to->first[0] = to->first[1] = time[i];
                    to->first[2] = i;
                    to->first[3] = ordered;
                }
                if (time[i] >= to->last[0]) {
                    to->last[0] = to->last[1] = time[i];
                    to->last[2] = i;
                    to->last[3] = ordered;
                }
                if (time[i] > to->newest) to->newest = time[i];
                if (items[i] < to->items_low) to->items_low = items[i];
                if (items[i] > to->items_high) to->items_high = items[i];
            }
        }
        // The first run warms the caches. Each goes on where the one before stopped.
        if (run > 0) printf("%s%.6f", run > 1 ? ", " : "", now() - begin);
        for (int64_t i = 0; i < events; i++) time[i] += events * 50;
    }
    uint64_t digest = 0;
    for (int64_t i = 0; i < keys * TIERS * KEPT; i++) digest += tiles[i].sum[0] ^ tiles[i].squares[1];
    printf("], \"digest\": %llu}\n", (unsigned long long)digest);
    return 0;
}
