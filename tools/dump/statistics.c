/* SPDX-License-Identifier: MIT
 *
 * The summary of `pb dump --stats`: calls by object and method with the times that they
 * took, the bytes of each side, and what was left open. */
#include "tools/dump/dump.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "libpb/base/buf.h"
#include "tools/common/message_text.h"

struct method_statistics {
    char *name;
    uint64_t calls, answers, errors;
    struct pb__buf durations; /* double: seconds until each answer */
    struct pb__buf sorted;    /* the same in order, for printing */
};

struct dump_stats {
    struct pb__buf methods; /* struct method_statistics */
    pb_value *indices;      /* a dict of names (bytes) to indices in methods */
    uint64_t messages[SIDE_COUNT], bytes[SIDE_COUNT];
    size_t window; /* 0: all durations are kept */
    uint64_t connections, damaged, unanswered, exported[SIDE_COUNT];
};

static struct method_statistics *statistics_at(const struct dump_stats *s, size_t i)
{
    return (struct method_statistics *)(void *)s->methods.data + i;
}

static size_t statistics_count(const struct dump_stats *s)
{
    return s->methods.len / sizeof(struct method_statistics);
}

struct dump_stats *dump_stats_new(size_t window)
{
    struct dump_stats *s = pb__calloc(1, sizeof *s);
    if (s) {
        s->window = window;
    }
    if (s && !(s->indices = pb_dict())) {
        dump_stats_free(s);
        s = NULL;
    }
    return s;
}

/* The name of a call without the number of a reference: the same object has another
 * number in each connection. *New* (pb_free); NULL for lack of memory. */
static char *statistics_name(const struct conversation_call *c)
{
    char *name = message_call_name(c);
    char *end = name && *name == '<' ? strchr(name, '>') : NULL;
    char *number = end ? strchr(name, ' ') : NULL;
    if (number) {
        memmove(number, end, strlen(end) + 1);
    }
    return name;
}

/* Adds a method, whose name it takes; NULL for lack of memory. */
static struct method_statistics *statistics_add(struct dump_stats *s, char *name,
                                                pb_value *key)
{
    size_t i = statistics_count(s);
    struct method_statistics m = {.name = name};
    if (pb__buf_append(&s->methods, &m, sizeof m) != 0) {
        pb_free(name);
        return NULL;
    }
    return pb_dict_set_value_steal(s->indices, pb_value_ref(key), pb_int((int64_t)i)) == 0
               ? statistics_at(s, i)
               : NULL;
}

/* The statistics of the method that is called; NULL for lack of memory. */
static struct method_statistics *statistics_of(struct dump_stats *s,
                                               const struct conversation_call *c)
{
    char *name = statistics_name(c);
    pb_value *key = name ? pb_bytes(pb_span_of(name)) : NULL;
    const pb_value *index = key ? pb_dict_get_value(s->indices, key) : NULL;
    struct method_statistics *found = NULL;
    int64_t i;
    if (index && pb_as_int(index, &i) == 0) {
        found = statistics_at(s, (size_t)i);
        pb_free(name);
    } else if (key) {
        found = statistics_add(s, name, key);
    } else {
        pb_free(name);
    }
    pb_value_unref(key);
    return found;
}

int dump_stats_add(struct dump_stats *s, const struct conversation_message *m)
{
    s->messages[m->from]++;
    s->bytes[m->from] += m->bytes;
    if (!m->call) {
        return 0;
    }
    struct method_statistics *r = statistics_of(s, m->call);
    if (!r) {
        return PB_ERR_NOMEM;
    }
    double durations = m->time - m->call->time;
    r->calls += m->kind == MESSAGE_CALL;
    r->errors += m->kind == MESSAGE_ERROR;
    if (m->kind == MESSAGE_CALL) {
        return 0;
    }
    size_t kept = r->durations.len / sizeof durations;
    uint64_t place = s->window ? r->answers % s->window : kept;
    r->answers++;
    if (place < kept) { /* in the place of the oldest */
        memcpy(r->durations.data + place * sizeof durations, &durations,
               sizeof durations);
        return 0;
    }
    return pb__buf_append(&r->durations, &durations, sizeof durations);
}

void dump_stats_reset_open(struct dump_stats *s)
{
    s->unanswered = 0;
    s->connections = 0;
    memset(s->exported, 0, sizeof s->exported);
}

void dump_stats_add_open(struct dump_stats *s, const struct conversation *c)
{
    dump_stats_end(s, c);
}

uint64_t dump_stats_calls(const struct dump_stats *s, uint64_t *errors)
{
    uint64_t calls = 0;
    *errors = 0;
    for (size_t i = 0; i < statistics_count(s); i++) {
        calls += statistics_at(s, i)->calls;
        *errors += statistics_at(s, i)->errors;
    }
    return calls;
}

void dump_stats_end(struct dump_stats *s, const struct conversation *c)
{
    s->connections++;
    for (int i = 0; i < SIDE_COUNT; i++) {
        s->unanswered += c->sides[i].calls.len;
        s->exported[i] += conversation_exported(c, i);
    }
}

void dump_stats_damage(struct dump_stats *s)
{
    s->damaged++;
}

static int duration_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int method_calls_compare(const void *a, const void *b)
{
    const struct method_statistics *x = *(struct method_statistics *const *)a,
                                   *y = *(struct method_statistics *const *)b;
    return x->calls != y->calls ? (x->calls < y->calls) - (x->calls > y->calls)
                                : strcmp(x->name, y->name);
}

static double duration_quantile(const struct method_statistics *r, double q)
{
    size_t n = r->sorted.len / sizeof(double);
    const double *durations = (const void *)r->sorted.data;
    return n ? durations[(size_t)(q * (double)(n - 1) + 0.5)] * 1e3 : 0;
}

/* Sorts a copy of the durations. PB_ERR_NOMEM. */
static int statistics_sort_durations(struct method_statistics *m)
{
    m->sorted.len = 0;
    int failed = pb__buf_append(&m->sorted, m->durations.data, m->durations.len);
    if (!failed && m->sorted.len) {
        qsort(m->sorted.data, m->sorted.len / sizeof(double), sizeof(double),
              duration_compare);
    }
    return failed;
}

/* The statistics of all methods, those with most calls first: *new* (pb__free), ended by
 * NULL. */
static struct method_statistics **statistics_sorted(const struct dump_stats *s)
{
    size_t n = statistics_count(s);
    struct method_statistics **sorted = pb__calloc(n + 1, sizeof *sorted);
    for (size_t i = 0; sorted && i < n; i++) {
        sorted[i] = statistics_at(s, i);
        if (statistics_sort_durations(sorted[i]) != 0) {
            pb__free(sorted);
            sorted = NULL;
        }
    }
    if (sorted) {
        qsort(sorted, n, sizeof *sorted, method_calls_compare);
    }
    return sorted;
}

static void statistics_print_text(const struct dump_stats *s,
                                  struct method_statistics *const *rows)
{
    printf("%10s %8s %8s %10s %10s %10s  %s\n", "calls", "answers", "errors", "median ms",
           "p99 ms", "max ms", "method");
    for (; *rows; rows++) {
        const struct method_statistics *r = *rows;
        printf("%10" PRIu64 " %8" PRIu64 " %8" PRIu64 " %10.3f %10.3f %10.3f  %s\n",
               r->calls, r->answers, r->errors, duration_quantile(r, 0.5),
               duration_quantile(r, 0.99), duration_quantile(r, 1), r->name);
    }
    for (int i = 0; i < SIDE_COUNT; i++) {
        printf("%s: %" PRIu64 " messages, %" PRIu64 " bytes, %" PRIu64
               " references to its objects not released\n",
               side_names[i], s->messages[i], s->bytes[i], s->exported[i]);
    }
    printf("%" PRIu64 " connections, %" PRIu64 " calls not answered, %" PRIu64
           " streams damaged\n",
           s->connections, s->unanswered, s->damaged);
}

static int statistics_print_json(const struct dump_stats *s,
                                 struct method_statistics *const *rows)
{
    json_t *methods = json_array();
    for (; methods && *rows; rows++) {
        const struct method_statistics *r = *rows;
        json_array_append_new(
            methods,
            json_pack("{s:s, s:I, s:I, s:I, s:f, s:f, s:f}", "method", r->name, "calls",
                      (json_int_t)r->calls, "answers", (json_int_t)r->answers, "errors",
                      (json_int_t)r->errors, "median_ms", duration_quantile(r, 0.5),
                      "p99_ms", duration_quantile(r, 0.99), "max_ms",
                      duration_quantile(r, 1)));
    }
    json_t *j = json_pack("{s:o, s:I, s:I, s:I, s:[I, I], s:[I, I], s:[I, I]}", "methods",
                          methods, "connections", (json_int_t)s->connections,
                          "unanswered", (json_int_t)s->unanswered, "damaged",
                          (json_int_t)s->damaged, "messages", (json_int_t)s->messages[0],
                          (json_int_t)s->messages[1], "bytes", (json_int_t)s->bytes[0],
                          (json_int_t)s->bytes[1], "references_open",
                          (json_int_t)s->exported[0], (json_int_t)s->exported[1]);
    return dump_json(j);
}

int dump_stats_print(const struct dump_stats *s, bool json)
{
    struct method_statistics **rows = statistics_sorted(s);
    if (!rows) {
        return PB_ERR_NOMEM;
    }
    int failed = 0;
    if (json) {
        failed = statistics_print_json(s, rows);
    } else {
        statistics_print_text(s, rows);
    }
    pb__free(rows);
    return failed;
}

void dump_stats_free(struct dump_stats *s)
{
    for (size_t i = 0; s && i < statistics_count(s); i++) {
        pb__buf_fini(&statistics_at(s, i)->durations);
        pb__buf_fini(&statistics_at(s, i)->sorted);
        pb_free(statistics_at(s, i)->name);
    }
    if (s) {
        pb__buf_fini(&s->methods);
        pb_value_unref(s->indices);
        pb__free(s);
    }
}
