// The limit that `windows` is held against: what its 96 features cost without any generality. Keys are small integers
// that are known beforehand, there are no nulls, sums are plain doubles, the columns and windows are constants.
//
// Usage: windows FOLDER ROWS LABELS KEYS THREADS RUNS
// FOLDER holds little-endian arrays: event_key (int32), event_time (int64), column_0 … column_3 (double), label_key,
// label_time. Prints one line of JSON; writes answer.bin, 96 columns of doubles, of the last run.
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COLUMNS = 4, WINDOWS = 4, FUNCTIONS = 6, FEATURES = COLUMNS * WINDOWS * FUNCTIONS };
static const int64_t HOUR = 3600000000LL, DAY = 86400000000LL;

static int rows, labels, keys, threads;
static int32_t *event_key, *label_key;
static int64_t *event_time, *label_time;
static double *column[COLUMNS], *answer;
static int32_t *event_start, *event_order, *label_start, *label_order;

static void *read_array(const char *folder, const char *name, size_t size) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    void *memory = malloc(size);
    FILE *file = fopen(path, "rb");
    if (memory == NULL || file == NULL || fread(memory, 1, size, file) != size) {
        fprintf(stderr, "windows: cannot read %s\n", path);
        exit(1);
    }
    fclose(file);
    return memory;
}

// Places of equal keys together, in the order of the input.
static void group(const int32_t *key, int count, int32_t *start, int32_t *order) {
    memset(start, 0, sizeof(int32_t) * (keys + 1));
    for (int i = 0; i < count; i++) start[key[i] + 1]++;
    for (int k = 0; k < keys; k++) start[k + 1] += start[k];
    int32_t *next = malloc(sizeof(int32_t) * keys);
    memcpy(next, start, sizeof(int32_t) * keys);
    for (int i = 0; i < count; i++) order[next[key[i]]++] = i;
    free(next);
}

static void sort_by_time(int32_t *order, int count, const int64_t *times) {
    for (int i = 1; i < count; i++) {
        int32_t row = order[i];
        int64_t time = times[row];
        int j = i;
        while (j > 0 && times[order[j - 1]] > time) { order[j] = order[j - 1]; j--; }
        order[j] = row;
    }
}

static void lower(
    int label, int c, int window, int n, double sum, double square, double low, double high, double middle) {
    double *out = answer + (size_t)((c * FUNCTIONS) * WINDOWS + window) * labels + label;
    size_t step = (size_t)WINDOWS * labels;
    out[0] = n;
    out[step] = sum + n * middle;
    out[2 * step] = n == 0 ? NAN : (sum + n * middle) / n;
    out[3 * step] = n == 0 ? NAN : low;
    out[4 * step] = n == 0 ? NAN : high;
    out[5 * step] = n < 2 ? NAN : sqrt(fmax(square - sum * sum / n, 0) / (n - 1));
}

static void compute_key(int key, int64_t *times, double *values[COLUMNS]) {
    int32_t *events = event_order + event_start[key];
    int count = event_start[key + 1] - event_start[key];
    sort_by_time(events, count, event_time);
    for (int i = 0; i < count; i++) times[i] = event_time[events[i]];
    for (int c = 0; c < COLUMNS; c++)
        for (int i = 0; i < count; i++) values[c][i] = column[c][events[i]];
    int32_t *wanted = label_order + label_start[key];
    int wanted_count = label_start[key + 1] - label_start[key];
    sort_by_time(wanted, wanted_count, label_time);
    int right = 0;
    for (int w = 0; w < wanted_count; w++) {
        int label = wanted[w];
        int64_t t = label_time[label];
        int64_t left[WINDOWS] = {
            (t - HOUR) / (HOUR / 12) * (HOUR / 12), (t - DAY) / HOUR * HOUR, (t - 7 * DAY) / HOUR * HOUR,
            (t - 30 * DAY) / DAY * DAY};
        while (right < count && times[right] < t) right++;
        int ends[WINDOWS];
        int i = right;
        for (int window = 0; window < WINDOWS; window++) {
            while (i > 0 && times[i - 1] >= left[window]) i--;
            ends[window] = i;
        }
        for (int c = 0; c < COLUMNS; c++) {
            const double *value = values[c];
            // Squares about a value of the key, so that little is lost in them.
            double middle = count > 0 ? value[0] : 0, sum = 0, square = 0, low = DBL_MAX, high = -DBL_MAX;
            int from = right;
            for (int window = 0; window < WINDOWS; window++) {
                for (int j = ends[window]; j < from; j++) {
                    double x = value[j], d = x - middle;
                    sum += d;
                    square += d * d;
                    low = x < low ? x : low;
                    high = x > high ? x : high;
                }
                from = ends[window];
                lower(label, c, window, right - from, sum, square, low, high, middle);
            }
        }
    }
}

static void *work(void *argument) {
    int part = (int)(intptr_t)argument;
    int first = (int)((int64_t)keys * part / threads), last = (int)((int64_t)keys * (part + 1) / threads);
    int most = 0;
    for (int key = first; key < last; key++) {
        int count = event_start[key + 1] - event_start[key];
        if (count > most) most = count;
    }
    int64_t *times = malloc(sizeof(int64_t) * (most + 1));
    double *values[COLUMNS];
    for (int c = 0; c < COLUMNS; c++) values[c] = malloc(sizeof(double) * (most + 1));
    for (int key = first; key < last; key++) compute_key(key, times, values);
    free(times);
    for (int c = 0; c < COLUMNS; c++) free(values[c]);
    return NULL;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    if (argc != 7) {
        fprintf(stderr, "usage: windows FOLDER ROWS LABELS KEYS THREADS RUNS\n");
        return 2;
    }
    const char *folder = argv[1];
    rows = atoi(argv[2]);
    labels = atoi(argv[3]);
    keys = atoi(argv[4]);
    threads = atoi(argv[5]);
    int runs = atoi(argv[6]);
    event_key = read_array(folder, "event_key", 4L * rows);
    event_time = read_array(folder, "event_time", 8L * rows);
    label_key = read_array(folder, "label_key", 4L * labels);
    label_time = read_array(folder, "label_time", 8L * labels);
    for (int c = 0; c < COLUMNS; c++) {
        char name[16];
        snprintf(name, sizeof name, "column_%d", c);
        column[c] = read_array(folder, name, 8L * rows);
    }
    printf("{\"seconds\": [");
    for (int run = 0; run <= runs; run++) {
        double start = now();
        answer = malloc(sizeof(double) * FEATURES * labels);
        event_start = malloc(4L * (keys + 1));
        event_order = malloc(4L * rows);
        label_start = malloc(4L * (keys + 1));
        label_order = malloc(4L * labels);
        group(event_key, rows, event_start, event_order);
        group(label_key, labels, label_start, label_order);
        pthread_t workers[64];
        for (int part = 0; part < threads; part++) pthread_create(&workers[part], NULL, work, (void *)(intptr_t)part);
        for (int part = 0; part < threads; part++) pthread_join(workers[part], NULL);
        // The first run warms the caches.
        if (run > 0) printf("%s%.6f", run > 1 ? ", " : "", now() - start);
        free(event_start);
        free(event_order);
        free(label_start);
        free(label_order);
        if (run < runs) free(answer);
    }
    printf("]}\n");
    char path[4096];
    snprintf(path, sizeof path, "%s/answer.bin", folder);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(answer, sizeof(double), (size_t)FEATURES * labels, file) != (size_t)FEATURES * labels) {
        fprintf(stderr, "windows: cannot write %s\n", path);
        return 1;
    }
    return fclose(file) == 0 ? 0 : 1;
}
