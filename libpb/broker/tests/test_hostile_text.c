/* SPDX-License-Identifier: MIT
 *
 * Small messages whose repr has no end, wherever values are printed for a log, an error
 * or a failure: each costs no more than what is shown. */
#include "compat/repr.h"
#include "libpb/broker/tests/hostile.h"

enum {
    DEPTH = 40,
    MEMORY = 256 << 10, /* bytes at once */
    WORK = 1 << 20,     /* bytes, of all allocations */
    LINE = PB__SHOWN + 200,
};

static int serve_nothing(void *self, pb_request *r)
{
    (void)self;
    int64_t i;
    int e = pb_request_unpack(r, "L", &i);
    return e ? e : pb_request_answer_steal(r, pb_none());
}

static const pb_class root_class = {
    .name = "Root", .remote = (const pb_method[]){{"nothing", serve_nothing}, {0}}};

/* The root calls back, so that the peer can answer by a failure. */
static int serve_back(void *self, pb_request *r)
{
    (void)self;
    pb_remote *root = pb_session_root(pb_request_session(r));
    int e = pb_remote_call_values(root, "any", NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    pb_remote_unref(root);
    return e ? e : pb_request_answer_steal(r, pb_none());
}

static const pb_class back_class = {
    .name = "Root", .remote = (const pb_method[]){{"back", serve_back}, {0}}};

static void not_understood(struct stream *s)
{
    stream_head(s, "didNotUnderstand", 1);
    stream_laughs(s, DEPTH);
    stream_end(s);
}

static void unknown_command(struct stream *s)
{
    stream_list(s, 1);
    static const uint8_t zeros[100000];
    stream_bytes(s, (pb_span){zeros, sizeof zeros});
    stream_end(s);
}

static void unknown_cache(struct stream *s)
{
    stream_head(s, "cachemessage", 6);
    stream_int(s, 1);
    stream_laughs(s, DEPTH);
    stream_word(s, "any");
    stream_int(s, 1);
    stream_head(s, "tuple", 0);
    stream_end(s);
    stream_no_kwargs(s);
    stream_end(s);
}

static void wrong_arguments(struct stream *s)
{
    stream_call(s, "message", -1, "nothing");
    stream_head(s, "tuple", 1);
    stream_laughs(s, DEPTH);
    stream_end(s);
    stream_no_kwargs(s);
    stream_end(s);
}

static void failure(struct stream *s)
{
    stream_call(s, "message", -1, "back");
    stream_head(s, "tuple", 0);
    stream_end(s);
    stream_no_kwargs(s);
    stream_end(s);
    stream_head(s, "error", 2);
    stream_int(s, 1);
    stream_head(s, "twisted.spread.pb.CopyableFailure", 1);
    stream_head(s, "dictionary", 2);
    for (int i = 0; i < 2; i++) {
        stream_list(s, 2);
        stream_word(s, i ? "type" : "value");
        if (i) {
            stream_word(s, "builtins.ValueError");
        } else {
            stream_laughs(s, DEPTH);
        }
        stream_end(s);
    }
    stream_end(s);
    stream_end(s);
    stream_end(s);
}

static const struct {
    const char *name;
    void (*write)(struct stream *s);
    const pb_class *root;
    size_t unlogged; /* bytes at once where nothing is logged */
} attacks[] = {
    {"didNotUnderstand", not_understood, &root_class, 64 << 10},
    {"an unknown command", unknown_command, &root_class, MEMORY},
    {"cachemessage", unknown_cache, &root_class, MEMORY},
    {"wrong arguments", wrong_arguments, &root_class, 64 << 10},
    {"a failure", failure, &back_class, 64 << 10},
};

PB_TEST(hostile_text, costs_what_is_shown)
{
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
        for (int level = 0; level <= PB_LOG_DEBUG; level++) {
            struct victim v;
            pb_object *root = pb_object_new(attacks[i].root, NULL);
            victim_begin(&v, (pb_session_config){.root = root}, level);
            struct stream s = stream_new();
            attacks[i].write(&s);
            pb__test_count_bytes();
            victim_feed(&v, &s);
            size_t most = level ? (size_t)MEMORY : attacks[i].unlogged;
            cr_expect_leq(pb__test_peak_bytes(), most, "%s, level %d: %zu bytes",
                          attacks[i].name, level, pb__test_peak_bytes());
            cr_expect_leq(pb__test_taken_bytes(), WORK, "%s, level %d: %zu bytes",
                          attacks[i].name, level, pb__test_taken_bytes());
            cr_expect_leq(v.longest, LINE, "%s, level %d: a line of %zu bytes",
                          attacks[i].name, level, v.longest);
            cr_expect(!level || v.lines > 0 || level < PB_LOG_DEBUG);
            victim_end(&v);
            pb_object_unref(root);
        }
    }
}

/* A text that does anything to a terminal, in each place where a peer can put one. */
#define UNSAFE "a\x1b[31m\a\r\nb\xc2\x9b\xe2\x80\xae\x7f"

static void put_strange(struct stream *s, int where)
{
    stream_head(s, where == 0 ? UNSAFE : "message", 6);
    stream_int(s, 1);
    stream_word(s, where == 1 ? UNSAFE : "root");
    stream_word(s, where == 2 ? UNSAFE : "nothing");
    stream_int(s, 1);
    stream_head(s, "tuple", 1);
    stream_head(s, where == 3 ? UNSAFE : "unicode", 1);
    stream_word(s, where == 4 ? UNSAFE : "x");
    stream_end(s);
    stream_end(s);
    stream_head(s, "dictionary", 1);
    stream_list(s, 2);
    stream_word(s, where == 5 ? UNSAFE : "key");
    stream_word(s, where == 6 ? UNSAFE : "value");
    stream_end(s);
    stream_end(s);
    stream_end(s);
}

static void put_strange_failure(struct stream *s, int where)
{
    stream_call(s, "message", -1, "back");
    stream_head(s, "tuple", 0);
    stream_end(s);
    stream_no_kwargs(s);
    stream_end(s);
    stream_head(s, "error", 2);
    stream_int(s, 1);
    stream_head(s, "twisted.spread.pb.CopyableFailure", 1);
    stream_head(s, "dictionary", 3);
    static const char *const members[] = {"type", "value", "traceback"};
    for (int i = 0; i < 3; i++) {
        stream_list(s, 2);
        stream_word(s, members[i]);
        stream_word(s, i == where ? UNSAFE : "x");
        stream_end(s);
    }
    stream_end(s);
    stream_end(s);
    stream_end(s);
}

PB_TEST(hostile_text, acts_on_no_terminal)
{
    for (int where = 0; where < 10; where++) {
        struct victim v;
        const pb_class *cls = where < 7 ? &root_class : &back_class;
        pb_object *root = pb_object_new(cls, NULL);
        victim_begin(&v, (pb_session_config){.root = root}, PB_LOG_DEBUG);
        struct stream s = stream_new();
        if (where < 7) {
            put_strange(&s, where);
        } else {
            put_strange_failure(&s, where - 7);
        }
        victim_feed(&v, &s);
        cr_expect_gt(v.lines, 1, "%d", where);
        cr_expect_not(v.unsafe, "%d", where);
        for (const char *c = v.why.text; *c; c++) {
            cr_expect_geq((unsigned char)*c, ' ', "%d: %s", where, v.why.text);
        }
        victim_end(&v);
        pb_object_unref(root);
    }
}
