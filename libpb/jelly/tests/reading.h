/* SPDX-License-Identifier: MIT
 *
 * Shared by the tests of the reader: expressions written as text, read in every split and
 * in each of the possible ways, and the results as text. */
#ifndef PB__TEST_READING_H
#define PB__TEST_READING_H

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpb/banana/decode.h"
#include "libpb/jelly/jelly.h"
#include "tests/support.h"

/* ---- Expressions as text ---- */

/* One element of "(list 1 -2.5 word 'a b\xff' (None))": a word is a byte string, too. */
static const char *put_element(const pb_sink *to, const char *p);

static size_t count_elements(const char *p)
{
    size_t count = 0;
    int depth = 0;
    bool quoted = false, inside = false;
    for (; quoted || depth > 0 || *p != ')'; p++) {
        bool begins = !inside && !isspace((unsigned char)*p) && *p != ')';
        count += depth == 0 && begins;
        quoted ^= *p == '\'';
        depth += !quoted && *p == '(' ? 1 : !quoted && *p == ')' ? -1 : 0;
        inside = quoted ||
                 (!isspace((unsigned char)*p) && *p != '(' && *p != ')' && *p != '\'');
        cr_assert(*p, "the text of an expression is not balanced");
    }
    return count;
}

static const char *put_quoted(const pb_sink *to, const char *p)
{
    static uint8_t s[1 << 16];
    size_t len = 0;
    for (p++; *p != '\''; p++) {
        if (*p == '\\') {
            char hex[3] = {p[2], p[3], 0};
            s[len++] = (uint8_t)strtoul(hex, NULL, 16);
            p += 3;
        } else {
            s[len++] = (uint8_t)*p;
        }
    }
    to->ops->bytes(to->ctx, (pb_span){s, len});
    return p + 1;
}

static const char *put_word(const pb_sink *to, const char *p)
{
    size_t len = strcspn(p, " ()");
    char *end;
    if (isdigit((unsigned char)*p) || (*p == '-' && isdigit((unsigned char)p[1]))) {
        if (memchr(p, '.', len)) {
            to->ops->real(to->ctx, strtod(p, &end));
        } else {
            to->ops->integer(to->ctx, strtoll(p, &end, 10));
        }
        cr_assert_eq(end, p + len);
    } else {
        to->ops->bytes(to->ctx, (pb_span){(const uint8_t *)p, len});
    }
    return p + len;
}

static const char *put_element(const pb_sink *to, const char *p)
{
    if (*p == '\'') {
        return put_quoted(to, p);
    }
    if (*p != '(') {
        return put_word(to, p);
    }
    to->ops->list(to->ctx, count_elements(++p));
    while (*p != ')') {
        p = *p == ' ' ? p + 1 : put_element(to, p);
    }
    to->ops->end(to->ctx);
    return p + 1;
}

/* The banana of an expression; pb_encoder_free it. */
static inline pb_encoder *expression(const char *text, pb_dialect d)
{
    pb_encoder *e = pb_encoder_new(d, NULL);
    pb_sink to = pb_encoder_sink(e);
    const char *end = put_element(&to, text);
    cr_assert_eq(*end, '\0', "more than one expression: %s", end);
    return e;
}

/* ---- Results ---- */

/* repr of the value, or "!INSECURE [2]['key']: text"; pb_free it. NULL for lack of
 * memory. */
static inline char *told(int e, const pb_value *v, const pb_error *err)
{
    static const char *const names[] = {
#define NAME(name, number, text) [number] = #name,
        PB_ERR_MAP(NAME)
#undef NAME
    };
    if (e == 0) {
        return pb_value_repr(v);
    }
    cr_expect_eq(e, err->code);
    char *out = pb__malloc(400);
    if (out) {
        snprintf(out, 400, "!%s %s%s%s", names[-e], err->where, *err->where ? ": " : "",
                 err->text);
    }
    return out;
}

struct taken {
    pb_value *value;
    pb_error err;
    unsigned count;
};

static int take_one(struct pb__message *m, void *ctx)
{
    struct taken *t = ctx;
    t->count++;
    t->value = m->value;
    t->err = m->refused ? *m->refused : (pb_error){0};
    return 0;
}

/* A way of passing the bytes to the reader. */
struct way {
    size_t first; /* bytes at first; 0: a byte at a time */
    bool plain;   /* without the reader's own loop */
};

/* The result of an expression that is read in some way, by a reader that is used
 * twice. */
static inline char *read_in_way(const pb_jelly_config *c,
                                const struct pb__invoker *invoker, pb_dialect dialect,
                                pb_span in, struct way way)
{
    struct taken t = {0};
    struct pb__reader *r = pb__reader_new(&(struct pb__reader_config){
        .jelly = c, .invoker = invoker, .done = take_one, .ctx = &t});
    pb_sink sink = pb__reader_sink(r);
    pb_sink_ops ops = *sink.ops;
    ops.attach = NULL;
    sink.ops = way.plain ? &ops : sink.ops;
    char *first = NULL;
    for (int twice = 0; twice < 2; twice++) {
        pb_decoder *d = pb_decoder_new(dialect, NULL, sink);
        size_t step = way.first ? way.first : 1;
        for (size_t at = 0; at < in.len; at += step) {
            step = at > 0 && way.first ? in.len : step;
            size_t len = in.len - at < step ? in.len - at : step;
            cr_assert_eq(pb_decoder_recv(d, (pb_span){in.data + at, len}, NULL), 0);
            cr_assert(t.count == (unsigned)twice || at + len >= in.len);
        }
        cr_assert_eq(t.count, (unsigned)twice + 1);
        char *told_now = told(t.err.code, t.value, &t.err);
        pb_value_unref(t.value);
        pb_decoder_free(d);
        if (first) {
            cr_expect_str_eq(told_now, first);
            pb_free(told_now);
        } else {
            first = told_now;
        }
    }
    pb__reader_free(r);
    return first;
}

/* Checks the result of an expression that is read at once, byte by byte and cut in two at
 * every position. */
static inline void reads_by(const pb_jelly_config *c, const struct pb__invoker *invoker,
                            const char *text, const char *want)
{
    for (pb_dialect dialect = PB_DIALECT_NONE; dialect <= PB_DIALECT_PB; dialect++) {
        pb_encoder *e = expression(text, dialect);
        pb_span in = pb_encoder_send(e);
        for (size_t first = 0; first <= in.len; first++) {
            for (int plain = 0; plain < 2; plain++) {
                char *got = read_in_way(c, invoker, dialect, in,
                                        (struct way){.first = first, .plain = plain});
                cr_assert_str_eq(got, want, "%s, cut at %zu%s\n  gives %s\n  not   %s",
                                 text, first, plain ? ", plainly" : "", got, want);
                pb_free(got);
            }
        }
        pb_encoder_free(e);
    }
}

static inline void reads(const pb_jelly_config *c, const char *text, const char *want)
{
    reads_by(c, NULL, text, want);
    for (pb_dialect dialect = PB_DIALECT_NONE; dialect <= PB_DIALECT_PB; dialect++) {
        pb_encoder *e = expression(text, dialect);
        pb_value *v;
        pb_error err = {0};
        int code = pb_unjelly_bytes(pb_encoder_send(e), c, dialect, &v, &err);
        char *got = told(code, v, &err);
        cr_expect_str_eq(got, want);
        pb_free(got);
        pb_value_unref(v);
        pb_encoder_free(e);
    }
}

/* A refused expression is skipped to its end, and nothing is left if it is cut before
 * that. */
static inline void stops_anywhere(const pb_jelly_config *c, const char *text)
{
    pb_encoder *e = expression(text, PB_DIALECT_PB);
    pb_span in = pb_encoder_send(e);
    long live = pb__test_live();
    for (size_t len = 0; len <= in.len; len++) {
        struct taken t = {0};
        struct pb__reader *r = pb__reader_new(
            &(struct pb__reader_config){.jelly = c, .done = take_one, .ctx = &t});
        pb_decoder *d = pb_decoder_new(PB_DIALECT_PB, NULL, pb__reader_sink(r));
        cr_assert_eq(pb_decoder_recv(d, (pb_span){in.data, len}, NULL), 0);
        pb_value_unref(t.value);
        pb_decoder_free(d);
        pb__reader_free(r);
        cr_assert_eq(pb__test_live(), live, "%s, %zu bytes of it: %ld blocks left", text,
                     len, pb__test_live() - live);
    }
    pb_encoder_free(e);
}

/* ---- Exhausted memory ---- */

struct whole {
    const pb_jelly_config *config;
    pb_span in;
};

static inline int read_whole(void *user_data)
{
    const struct whole *w = user_data;
    pb_value *v;
    pb_error err = {0};
    int e = pb_unjelly_bytes(w->in, w->config, PB_DIALECT_PB, &v, &err);
    cr_assert_eq(e, err.code);
    pb_value_unref(v);
    return e;
}

/* Reads an expression with each allocation failing in turn. */
static inline void survives(const pb_jelly_config *c, const char *text)
{
    pb_encoder *e = expression(text, PB_DIALECT_PB);
    struct whole w = {c, pb_encoder_send(e)};
    pb__test_each_failure(read_whole, &w);
    pb_encoder_free(e);
}

static inline pb_taster *open_taster(void)
{
    pb_taster *t = pb_taster_new();
    cr_assert_eq(pb_taster_allow_all(t), 0);
    return t;
}

#endif
