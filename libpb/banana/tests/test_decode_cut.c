/* SPDX-License-Identifier: MIT
 *
 * How much memory the decoder uses for tokens that arrive in pieces: as little as
 * possible, the sink's memory if it provides some, and nothing large while it is idle. */
#include <criterion/criterion.h>

#include "libpb/banana/decode.h"
#include "libpb/banana/tests/recorder.h"
#include "tests/support.h"

#define LONG ((size_t)100000)

/* A recorder that provides memory for strings. */
struct placing {
    /* first, because the functions of the recorder get it as their context */
    struct recorder r;
    uint8_t *place; /* NULL: no memory is provided */
    size_t asked;   /* number of calls */
    size_t len;     /* the last length */
};

static uint8_t *give_place(void *ctx, size_t len)
{
    struct placing *p = ctx;
    p->asked++;
    p->len = len;
    return p->place;
}

static const pb_sink_ops placing_ops = {
    .list = record_list,
    .end = record_end,
    .integer = record_integer,
    .big = record_big,
    .real = record_real,
    .bytes = record_bytes,
    .place = give_place,
};

static pb_decoder *placing_decoder(struct placing *p, uint8_t *place)
{
    *p = (struct placing){.place = place};
    recorder_sink(&p->r);
    return pb_decoder_new(PB_DIALECT_PB, NULL, (pb_sink){.ops = &placing_ops, .ctx = p});
}

static void placing_free(struct placing *p, pb_decoder *d)
{
    pb_decoder_free(d);
    recorder_fini(&p->r);
}

PB_TEST(decode_cut, a_whole_string_is_not_copied)
{
    struct placing p;
    pb_decoder *d = placing_decoder(&p, NULL);
    pb_span in = BYTES("\x02\x80\x05\x82hello\x03\x82yes");
    cr_assert_eq(pb_decoder_recv(d, in, NULL), 0);
    cr_assert_eq(p.r.last.data, in.data + 11);
    /* Nor if the prefix was received before. */
    cr_assert_eq(pb_decoder_recv(d, BYTES("\x01\x80\x05"), NULL), 0);
    in = BYTES("\x82hello");
    cr_assert_eq(pb_decoder_recv(d, in, NULL), 0);
    cr_assert_eq(p.r.last.data, in.data + 1);
    cr_assert_eq(p.asked, 0);
    /* Nor if the header was received before, and there is no memory from the sink. */
    cr_assert_eq(pb_decoder_recv(d, BYTES("\x05\x82"), NULL), 0);
    cr_assert_eq(p.asked, 1);
    in = BYTES("hello");
    cr_assert_eq(pb_decoder_recv(d, in, NULL), 0);
    cr_assert_eq(p.r.last.data, in.data);
    placing_free(&p, d);
}

PB_TEST(decode_cut, a_cut_string_goes_to_its_place)
{
    uint8_t place[5];
    for (size_t cut = 2; cut < 7; cut++) {
        struct placing p;
        pb_decoder *d = placing_decoder(&p, place);
        cr_assert_eq(feed(d, BYTES("\x05\x82hello\x01\x81"), cut, 9, NULL), 0);
        cr_assert_eq(p.asked, 1);
        cr_assert_eq(p.len, 5);
        cr_assert_eq(p.r.last.data, place);
        cr_assert_str_eq(recorder_text(&p.r), "'hello' 1 ");
        cr_assert_null(d->held.data);
        placing_free(&p, d);
    }
}

PB_TEST(decode_cut, no_place_is_asked_for_what_is_refused)
{
    struct placing p;
    pb_decoder *d = placing_decoder(&p, NULL);
    cr_assert_eq(pb_decoder_recv(d, BYTES("\x01\x00\x28\x82"), NULL), PB_ERR_LIMIT);
    cr_assert_eq(p.asked, 0);
    placing_free(&p, d);
}

/* A list of a string of LONG bytes, and what a recorder makes of it. */
static const uint8_t long_header[6] = "\x01\x80\x20\x0d\x06\x82";
static uint8_t long_in[sizeof long_header + LONG];
static char long_text[LONG + 16];

static pb_span long_string(void)
{
    memcpy(long_in, long_header, sizeof long_header);
    memcpy(long_text, "[1 '", 4);
    for (size_t i = 0; i < LONG; i++) {
        long_in[sizeof long_header + i] = (uint8_t)('a' + i * 31 / 7 % 26);
        long_text[4 + i] = (char)long_in[sizeof long_header + i];
    }
    memcpy(long_text + 4 + LONG, "' ] ", 5);
    return (pb_span){long_in, sizeof long_in};
}

PB_TEST(decode_cut, long_strings_in_pieces_of_many_sizes)
{
    static uint8_t place[LONG];
    pb_span in = long_string();
    for (size_t step = 1; step < in.len; step = step * 5 + 2) {
        for (int placed = 0; placed < 2; placed++) {
            struct placing p;
            pb_decoder *d = placing_decoder(&p, placed ? place : NULL);
            cr_assert_eq(feed(d, in, step, step, NULL), 0);
            cr_assert_eq(pb_decoder_count(d), 1);
            cr_assert_eq(p.asked, 1);
            cr_assert_eq(strcmp(recorder_text(&p.r), long_text), 0, "pieces of %zu",
                         step);
            placing_free(&p, d);
        }
    }
}

PB_TEST(decode_cut, memory_follows_what_arrived_not_what_was_announced)
{
    struct recorder r;
    pb_span in = long_string();
    pb_decoder *d = pb_decoder_new(PB_DIALECT_PB, NULL, recorder_sink(&r));
    cr_assert_eq(pb_decoder_recv(d, (pb_span){in.data, 6}, NULL), 0);
    cr_assert_null(d->held.data);
    for (size_t at = 6; at < in.len - 1000; at += 1000) {
        cr_assert_eq(pb_decoder_recv(d, (pb_span){in.data + at, 1000}, NULL), 0);
        cr_assert_leq(d->held.cap, 2 * (at - 6 + 1000) + 64);
    }
    pb_decoder_free(d);
    recorder_fini(&r);
}

PB_TEST(decode_cut, a_string_that_has_begun_is_read_to_its_end)
{
    struct recorder r;
    pb_limits narrow = {.bytes = 1, .message = 1};
    pb_error err = {0};
    pb_decoder *d = pb_decoder_new(PB_DIALECT_PB, NULL, recorder_sink(&r));
    cr_assert_eq(pb_decoder_recv(d, BYTES("\x02\x80\x05\x82he"), NULL), 0);
    pb__decoder_set_limits(d, &narrow);
    cr_assert_eq(pb_decoder_recv(d, BYTES("ll"), NULL), 0);
    /* The next byte exceeds the limit. */
    cr_assert_eq(pb_decoder_recv(d, BYTES("o\x01\x81"), &err), PB_ERR_LIMIT);
    cr_assert_str_eq(err.text, "expression is too long (limit 1 bytes)");
    cr_assert_eq(err.offset, 9);
    cr_assert_str_eq(recorder_text(&r), "[2 'hello' ");
    pb_decoder_free(d);
    recorder_fini(&r);
}

PB_TEST(decode_cut, an_idle_decoder_keeps_nothing_large)
{
    struct recorder r;
    pb_decoder *d = pb_decoder_new(PB_DIALECT_PB, NULL, recorder_sink(&r));
    cr_assert_leq(sizeof *d, 320);
    cr_assert_eq(pb__test_live(), 1, "nothing is allocated before there is need");
    cr_assert_eq(feed(d, long_string(), 5000, 5000, NULL), 0);
    cr_assert_null(d->held.data);
    for (size_t i = 0; i < 100; i++) {
        cr_assert_eq(pb_decoder_recv(d, BYTES("\x01\x80"), NULL), 0);
    }
    cr_assert_geq(d->stack_cap, 100);
    cr_assert_eq(pb_decoder_recv(d, BYTES("\x81"), NULL), 0);
    cr_assert_eq(pb_decoder_count(d), 2);
    cr_assert_null(d->stack);
    /* The memory that ordinary messages need is kept. */
    cr_assert_eq(feed(d, BYTES("\x01\x80\x01\x80\x02\x82hi"), 1, 1, NULL), 0);
    cr_assert_leq(d->held.cap + d->stack_cap * sizeof *d->stack, 128);
    long live = pb__test_live();
    cr_assert_eq(feed(d, BYTES("\x01\x80\x01\x80\x02\x82hi"), 1, 1, NULL), 0);
    cr_assert_eq(pb__test_live(), live);
    pb_decoder_free(d);
    recorder_fini(&r);
}

PB_TEST(decode_cut, a_prefix_in_pieces_is_held_once)
{
    /* Many digits, one at a time: linear, otherwise it would take minutes. */
    struct recorder r;
    pb_limits limits = {.prefix = 300000};
    pb_decoder *d = pb_decoder_new(PB_DIALECT_PB, &limits, recorder_sink(&r));
    for (size_t i = 0; i < 300000; i++) {
        cr_assert_eq(pb_decoder_recv(d, BYTES("\x00"), NULL), 0);
        cr_assert_eq(d->held.len, i + 1);
    }
    cr_assert_eq(pb_decoder_recv(d, BYTES("\x81"), NULL), 0);
    cr_assert_str_eq(recorder_text(&r), "0 ");
    cr_assert_null(d->held.data);
    pb_decoder_free(d);
    recorder_fini(&r);
}

/* The stack has to grow, and a prefix and a string have to be stored. */
static int decode_with_failures(void *user_data)
{
    struct recorder r;
    pb_sink sink = recorder_sink(&r);
    pb_error err = {0};
    int e = PB_ERR_NOMEM;
    pb_decoder *d = pb_decoder_new(PB_DIALECT_PB, NULL, sink);
    if (d) {
        pb_span deep =
            BYTES("\x01\x80\x01\x80\x01\x80\x01\x80\x01\x80\x01\x80\x01\x80\x01\x80"
                  "\x01\x80\x01\x80\x01\x80\x01\x80\x01\x80\x01\x80\x01\x80\x01\x80"
                  "\x01\x80\x2c\x02\x81");
        e = feed(d, deep, 1, 1, &err);
        e = e ? e : feed(d, *(const pb_span *)user_data, 999, 999, &err);
        cr_assert_eq(e, err.code);
        cr_assert_str_eq(err.text, e ? "out of memory" : "");
        cr_assert_eq(pb_decoder_recv(d, BYTES(""), NULL), e, "the error is not sticky");
    }
    pb_decoder_free(d);
    recorder_fini(&r);
    return e;
}

PB_TEST(decode_cut, every_allocation_may_fail)
{
    pb_span in = long_string();
    pb__test_each_failure(decode_with_failures, &in);
}
