/* SPDX-License-Identifier: MIT
 *
 * Compares libpb's codec with others on one corpus: `codec FILE`, where FILE holds a
 * jelly expression in banana. Each measurement runs in a process of its own, because
 * memory that one has freed makes the next one faster or slower: once with the C
 * library's defaults (fresh), and once with freed memory kept for the next round (kept).
 * All measurements of a round run one after the other; the round whose ratio is the
 * median is printed. memcpy of the same bytes shows the speed of memory. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/codec.h"
#include "pb/jelly.h"
#include "tools/call/bench.h"

#define SECONDS 0.2

enum { CODECS = 4, ROUNDS = 5 };

struct figures {
    double mb, values; /* millions a second */
    long peak;         /* KiB of memory at most, beyond those at the beginning */
};

/* The kinds of measurements. */
static const struct way {
    const char *name;
    bool decode, kept;
} ways[] = {{"decode fresh", true, false},
            {"decode kept ", true, true},
            {"encode fresh", false, false},
            {"encode kept ", false, true}};

/* Makes the C library keep freed memory. By default it returns large blocks to the system
 * after each round, which fills them with zeros again. */
static void keep_memory(void)
{
#if defined(M_TRIM_THRESHOLD) && defined(M_MMAP_THRESHOLD)
    mallopt(M_MMAP_THRESHOLD, 64 << 20);
    mallopt(M_TRIM_THRESHOLD, 512 << 20);
#endif
}

/* A figure of /proc/self/status in KiB. */
static long status_kib(const char *name)
{
    char line[128];
    long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, name, strlen(name)) == 0) {
            kib = strtol(line + strlen(name), NULL, 10);
        }
    }
    if (f) {
        fclose(f);
    }
    return kib;
}

/* Measures in this process: one run for the memory, then runs for SECONDS. */
static bool codec_measure(bool (*once)(void *state), void *state, size_t len,
                          double values, struct figures *out)
{
    long before = status_kib("VmRSS:");
    if (!once(state)) {
        return false;
    }
    out->peak = status_kib("VmHWM:") - before;
    double start = bench_now(), took = 0;
    long rounds = 0;
    while (took < SECONDS) {
        if (!once(state)) {
            return false;
        }
        rounds++;
        took = bench_now() - start;
    }
    out->mb = (double)len * (double)rounds / took / 1e6;
    out->values = values * (double)rounds / took / 1e6;
    return true;
}

/* The same in a child process, which sends its figures through a pipe. */
static bool codec_measure_apart(const struct codec *c, const struct way *way, pb_value *v,
                                pb_span banana, double values, struct figures *out)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return false;
    }
    pid_t child = fork();
    if (child == 0) {
        size_t len;
        if (way->kept) {
            keep_memory();
        }
        void *state = c->open(v, banana, &len);
        bool good =
            state &&
            codec_measure(way->decode ? c->decode : c->encode, state, len, values, out) &&
            write(ends[1], out, sizeof *out) == sizeof *out;
        _exit(good ? 0 : 1);
    }
    close(ends[1]);
    bool good = child > 0 && read(ends[0], out, sizeof *out) == sizeof *out;
    close(ends[0]);
    if (child > 0) {
        waitpid(child, NULL, 0);
    }
    return good;
}

/* The number of scalars, containers and keys of dicts; a shared one counts each time.
 * Recursion is safe: corpora are shallow. */
static double value_count(pb_value *v)
{
    double n = 1;
    pb_value *key, *value;
    size_t pos = 0;
    if (pb_value_kind(v) == PB_LIST) {
        for (size_t i = 0; i < pb_len(v); i++) {
            n += value_count(pb_item(v, i));
        }
    } else if (pb_value_kind(v) == PB_DICT) {
        while (pb_dict_next(v, &pos, &key, &value)) {
            n += value_count(key) + value_count(value);
        }
    }
    return n;
}

/* The figures of a codec and of libpb in one round. */
struct pair {
    struct figures own, peer;
};

static int pair_compare(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    double d = x->own.values / x->peer.values - y->own.values / y->peer.values;
    return d < 0 ? -1 : d > 0;
}

static void figures_print(const char *way, const char *name, const struct figures *f)
{
    printf("%s %-10s %9.1f MB/s %9.3f Mvalues/s %8ld KiB", way, name, f->mb, f->values,
           f->peak);
}

/* Compares libpb with each other codec. */
static bool way_run(const struct way *way, pb_value *v, pb_span banana)
{
    struct figures f[ROUNDS][CODECS];
    double values = value_count(v);
    for (int r = 0; r < ROUNDS; r++) {
        for (int c = 0; c < CODECS; c++) {
            if (!codec_measure_apart(&codecs[c], way, v, banana, values, &f[r][c])) {
                fprintf(stderr, "codec: %s cannot %s\n", codecs[c].name, way->name);
                return false;
            }
        }
    }
    for (int c = 1; c < CODECS; c++) {
        struct pair pairs[ROUNDS];
        for (int r = 0; r < ROUNDS; r++) {
            pairs[r] = (struct pair){f[r][0], f[r][c]};
        }
        qsort(pairs, ROUNDS, sizeof *pairs, pair_compare);
        const struct pair *median = &pairs[ROUNDS / 2];
        figures_print(way->name, codecs[0].name, &median->own);
        figures_print("  |", codecs[c].name, &median->peer);
        printf("  | ratio of values %.3g\n", median->own.values / median->peer.values);
    }
    return true;
}

/* The contents of a file, *new*; len 0 if it cannot be read. */
static pb_span file_read(const char *path)
{
    pb_span s = {0};
    FILE *f = fopen(path, "rb");
    if (f && fseek(f, 0, SEEK_END) == 0) {
        long size = ftell(f);
        uint8_t *data = size > 0 ? malloc((size_t)size) : NULL;
        rewind(f);
        if (data && fread(data, 1, (size_t)size, f) == (size_t)size) {
            s = (pb_span){data, (size_t)size};
        }
    }
    if (f) {
        fclose(f);
    }
    return s;
}

int main(int argc, char **argv)
{
    pb_error err = {0};
    pb_value *v;
    if (argc != 2) {
        fprintf(stderr, "usage: codec FILE\n");
        return 2;
    }
    pb_span banana = file_read(argv[1]);
    if (!banana.len || pb_unjelly_bytes(banana, NULL, PB_DIALECT_PB, &v, &err) != 0) {
        fprintf(stderr, "codec: %s: %s\n", argv[1],
                err.code ? err.text : "cannot be read");
        return 1;
    }
    bool good = true;
    for (size_t i = 0; good && i < sizeof ways / sizeof *ways; i++) {
        good = way_run(&ways[i], v, banana);
    }
    return good ? 0 : 1;
}
