/* SPDX-License-Identifier: MIT
 *
 * Shared by the tests of the writer: values written in both dialects and shown as tokens,
 * and objects that replace those of the broker. */
#ifndef PB__TEST_WRITING_H
#define PB__TEST_WRITING_H

#include "libpb/banana/tests/recorder.h"
#include "libpb/jelly/jelly.h"
#include "tests/support.h"

/* Checks the expression in e, as recorder.h shows it, without the space at its end. */
static inline void tells(const pb_encoder *e, const char *want)
{
    struct recorder r;
    pb_decoder *d = pb_decoder_new(pb__encoder_dialect(e), NULL, recorder_sink(&r));
    pb_error err = {0};
    cr_expect_eq(pb_decoder_recv(d, pb_encoder_send(e), &err), 0, "%s", err.text);
    cr_expect_eq(pb_decoder_count(d), 1);
    cr_expect_eq(pb_decoder_offset(d), 0);
    const char *got = recorder_text(&r);
    cr_expect(r.len == strlen(want) + 1 && strncmp(got, want, r.len - 1) == 0,
              "wrote %s, not %s", got, want);
    pb_decoder_free(d);
    recorder_fini(&r);
}

/* Writes v, which it takes, in both dialects. */
static inline void writes_by(pb_value *v, const pb_jelly_config *c,
                             const struct pb__invoker *invoker, const char *want)
{
    for (pb_dialect d = PB_DIALECT_NONE; d <= PB_DIALECT_PB; d++) {
        pb_encoder *e = pb_encoder_new(d, NULL);
        pb_error err = {0};
        cr_expect_eq(pb__jelly(v, c, invoker, e, &err), 0, "%s", err.text);
        tells(e, want);
        pb_encoder_free(e);
    }
    pb_value_unref(v);
}

static inline void writes(pb_value *v, const char *want)
{
    writes_by(v, NULL, NULL, want);
}

/* A value by its literal. */
static inline pb_value *val(const char *literal)
{
    pb_error err = {0};
    pb_value *v = pb_value_parse(literal, &err);
    cr_assert(v, "%s: %s", literal, err.text);
    return v;
}

static inline pb_taster *open_taster(void)
{
    pb_taster *t = pb_taster_new();
    cr_assert_eq(pb_taster_allow_all(t), 0);
    return t;
}

/* Replaces an object of the broker: it is written as `form` says. */
struct object {
    struct pb__local local;
    struct pb__form form; /* its id and state are the object's */
    int asked;            /* number of calls for the form */
    int refuses;          /* the code of a refusal, or 0 */
};

static inline void object_destroy(struct pb__foreign *f)
{
    struct object *o = (struct object *)f;
    pb_value_unref(o->form.id);
    pb_value_unref(o->form.state);
    pb__free(o);
}

static inline struct object *object_new(pb_kind kind, const char *head)
{
    static const struct pb__foreign_ops ops = {.destroy = object_destroy};
    struct object *o = pb__calloc(1, sizeof *o);
    o->local.foreign.node.head = (struct pb_value){.refs = 1, .kind = (uint8_t)kind};
    o->local.foreign.ops = &ops;
    o->form.head = (pb_span){(const uint8_t *)head, strlen(head)};
    return o;
}

/* The object as a value; NULL gives NULL. */
static inline pb_value *value_of(struct object *o)
{
    return o ? &o->local.foreign.node.head : NULL;
}

/* An invoker that gives each object's form, with counts of its own. */
static inline int object_jelly(pb_value *v, struct pb__form *form, pb_error *err,
                               void *ctx)
{
    (void)err;
    (void)ctx;
    struct object *o = (struct object *)v;
    o->asked++;
    *form = o->form;
    pb_value_ref(form->id);
    pb_value_ref(form->state);
    return o->refuses;
}

static const struct pb__invoker object_invoker = {.jelly = object_jelly};

#endif
