/* SPDX-License-Identifier: MIT
 *
 * The summary of `pb dump --stats`: calls by object and method with how long they took,
 * bytes of each side, and what was left open. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdlib.h>

#include "libpb/base/buf.h"
#include "tools/dump/dump.h"

struct row {
    struct row *next; /* of the same hash */
    char *name;
    uint64_t calls, errors;
    struct pb__buf took; /* double: seconds of each answer */
};

struct dump_stats {
    struct pb__map rows; /* hash of the name to struct row */
    uint64_t messages[TALK_SIDES], bytes[TALK_SIDES];
    uint64_t connections, damaged, unanswered, lent[TALK_SIDES];
};

struct dump_stats *dump_stats_new(void)
{
    return pb__calloc(1, sizeof(struct dump_stats));
}

/* FNV-1a. */
static uint64_t hash(const char *name)
{
    uint64_t h = 0xcbf29ce484222325;
    for (; *name; name++) {
        h = (h ^ (uint8_t)*name) * 0x100000001b3;
    }
    return h;
}

/* References have other numbers in each connection, so all of them are one object. */
static char *name_of(const struct talk_call *c)
{
    char *name = dump_name(c);
    char *end = name && *name == '<' ? strchr(name, '>') : NULL;
    char *number = end ? strchr(name, ' ') : NULL;
    if (number) {
        memmove(number, end, strlen(end) + 1);
    }
    return name;
}

/* The row of a call; NULL for lack of memory. */
static struct row *row_of(struct dump_stats *s, const struct talk_call *c)
{
    char *name = name_of(c);
    if (!name) {
        return NULL;
    }
    uint64_t key = hash(name);
    struct row *first = pb__map_get(&s->rows, key);
    for (struct row *r = first; r; r = r->next) {
        if (strcmp(r->name, name) == 0) {
            pb_free(name);
            return r;
        }
    }
    struct row *r = pb__calloc(1, sizeof *r);
    if (!r || pb__map_set(&s->rows, key, r) != 0) {
        pb__free(r);
        pb_free(name);
        return NULL;
    }
    r->next = first;
    r->name = name;
    return r;
}

int dump_stats_add(struct dump_stats *s, const struct talk_message *m)
{
    s->messages[m->from]++;
    s->bytes[m->from] += m->bytes;
    if (!m->call) {
        return 0;
    }
    struct row *r = row_of(s, m->call);
    if (!r) {
        return PB_ERR_NOMEM;
    }
    double took = m->time - m->call->time;
    r->calls += m->kind == TALK_CALL;
    r->errors += m->kind == TALK_ERROR;
    return m->kind == TALK_CALL ? 0 : pb__buf_append(&r->took, &took, sizeof took);
}

void dump_stats_end(struct dump_stats *s, const struct talk *t)
{
    s->connections++;
    for (int i = 0; i < TALK_SIDES; i++) {
        s->unanswered += t->sides[i].calls.len;
        s->lent[i] += talk_lent(t, i);
    }
}

void dump_stats_damage(struct dump_stats *s)
{
    s->damaged++;
}

static int by_time(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int by_calls(const void *a, const void *b)
{
    const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;
    return x->calls != y->calls ? (x->calls < y->calls) - (x->calls > y->calls)
                                : strcmp(x->name, y->name);
}

static double quantile(const struct row *r, double q)
{
    size_t n = r->took.len / sizeof(double);
    const double *took = (const void *)r->took.data;
    return n ? took[(size_t)(q * (double)(n - 1) + 0.5)] * 1e3 : 0;
}

/* All rows, the most called first: *new*, ended by NULL. */
static struct row **sorted(const struct dump_stats *s)
{
    struct pb__buf all = {0};
    size_t at = 0;
    uint64_t key;
    void *first;
    int failed = 0;
    while (!failed && pb__map_next(&s->rows, &at, &key, &first)) {
        for (struct row *r = first; r && !failed; r = r->next) {
            if (r->took.len) {
                qsort(r->took.data, r->took.len / sizeof(double), sizeof(double),
                      by_time);
            }
            failed = pb__buf_append(&all, &r, sizeof r);
        }
    }
    size_t n = all.len / sizeof(struct row *);
    struct row *end = NULL;
    if (failed || pb__buf_append(&all, &end, sizeof end) != 0) {
        pb__buf_fini(&all);
        return NULL;
    }
    struct row **rows = (void *)all.data;
    qsort(rows, n, sizeof *rows, by_calls);
    return rows;
}

static void print_text(const struct dump_stats *s, struct row *const *rows)
{
    printf("%10s %8s %8s %10s %10s %10s  %s\n", "calls", "answers", "errors", "median ms",
           "p99 ms", "max ms", "method");
    for (; *rows; rows++) {
        const struct row *r = *rows;
        printf("%10" PRIu64 " %8zu %8" PRIu64 " %10.3f %10.3f %10.3f  %s\n", r->calls,
               r->took.len / sizeof(double), r->errors, quantile(r, 0.5),
               quantile(r, 0.99), quantile(r, 1), r->name);
    }
    for (int i = 0; i < TALK_SIDES; i++) {
        printf("%s: %" PRIu64 " messages, %" PRIu64 " bytes, %" PRIu64
               " references of its objects left open\n",
               talk_sides[i], s->messages[i], s->bytes[i], s->lent[i]);
    }
    printf("%" PRIu64 " connections, %" PRIu64 " calls not answered, %" PRIu64
           " streams damaged\n",
           s->connections, s->unanswered, s->damaged);
}

static int print_json(const struct dump_stats *s, struct row *const *rows)
{
    json_t *methods = json_array();
    for (; methods && *rows; rows++) {
        const struct row *r = *rows;
        json_array_append_new(
            methods, json_pack("{s:s, s:I, s:I, s:I, s:f, s:f, s:f}", "method", r->name,
                               "calls", (json_int_t)r->calls, "answers",
                               (json_int_t)(r->took.len / sizeof(double)), "errors",
                               (json_int_t)r->errors, "median_ms", quantile(r, 0.5),
                               "p99_ms", quantile(r, 0.99), "max_ms", quantile(r, 1)));
    }
    json_t *j =
        json_pack("{s:o, s:I, s:I, s:I, s:[I, I], s:[I, I], s:[I, I]}", "methods",
                  methods, "connections", (json_int_t)s->connections, "unanswered",
                  (json_int_t)s->unanswered, "damaged", (json_int_t)s->damaged,
                  "messages", (json_int_t)s->messages[0], (json_int_t)s->messages[1],
                  "bytes", (json_int_t)s->bytes[0], (json_int_t)s->bytes[1],
                  "references_open", (json_int_t)s->lent[0], (json_int_t)s->lent[1]);
    char *text = j ? json_dumps(j, JSON_SORT_KEYS) : NULL;
    json_decref(j);
    if (text) {
        puts(text);
    }
    free(text);
    return text ? 0 : PB_ERR_NOMEM;
}

int dump_stats_print(const struct dump_stats *s, bool json)
{
    struct row **rows = sorted(s);
    if (!rows) {
        return PB_ERR_NOMEM;
    }
    int failed = 0;
    if (json) {
        failed = print_json(s, rows);
    } else {
        print_text(s, rows);
    }
    pb__free(rows);
    return failed;
}

void dump_stats_free(struct dump_stats *s)
{
    size_t at = 0;
    uint64_t key;
    void *first;
    while (s && pb__map_next(&s->rows, &at, &key, &first)) {
        for (struct row *r = first, *next; r; r = next) {
            next = r->next;
            pb__buf_fini(&r->took);
            pb_free(r->name);
            pb__free(r);
        }
    }
    if (s) {
        pb__map_fini(&s->rows);
        pb__free(s);
    }
}
