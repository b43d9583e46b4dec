/* SPDX-License-Identifier: MIT
 *
 * Making and freeing readers, and the public functions that read: from a decoder, one
 * expression after the other, or from bytes in one step. */
#include "compat/profile.h"
#include "libpb/banana/decode.h"
#include "libpb/base/span.h"
#include "libpb/jelly/crefs.h"
#include "libpb/jelly/read.h"

#define POOL_LEAST 4096 /* with less input, values do not use slabs */

static const pb_jelly_config default_config;

void pb__reader_init(struct pb__reader *r, const struct pb__reader_config *c)
{
    *r = (struct pb__reader){.config = *c, .messages = c->messages, .pooled = true};
    if (!c->jelly) {
        r->config.jelly = &default_config;
    }
    r->python2 = r->config.jelly->profile.python_major == 2;
    r->pool = c->pool ? pb__slab_pool_ref(c->pool) : NULL;
    r->idle.shape = PB__SHAPE_TOP;
    r->top = r->last = &r->idle;
}

static void free_keys(struct pb__reader *r)
{
    for (size_t i = 0; r->keys && i < PB__READ_KEYS; i++) {
        pb_value_unref((pb_value *)r->keys[i].text);
    }
    pb__free(r->keys);
    r->keys = NULL;
}

void pb__reader_trim(struct pb__reader *r)
{
    if (r->top != pb__read_bottom(r)) {
        return;
    }
    pb_value_unref((pb_value *)r->placed);
    r->placed = NULL;
    free_keys(r);
    pb__crefs_free(r->crefs);
    r->crefs = NULL;
    pb__free(r->stack);
    r->stack = NULL;
    r->top = r->last = &r->idle;
    if (r->pool) {
        pb__slab_pool_trim(r->pool);
    }
}

void pb__reader_fini(struct pb__reader *r)
{
    pb__read_reset(r);
    pb__reader_trim(r);
    pb__slab_pool_unref(r->pool);
}

struct pb__reader *pb__reader_new(const struct pb__reader_config *c)
{
    struct pb__reader *r = pb__malloc(sizeof *r);
    if (r) {
        pb__reader_init(r, c);
    }
    return r;
}

void pb__reader_free(struct pb__reader *r)
{
    if (r) {
        pb__reader_fini(r);
        pb__free(r);
    }
}

pb_sink pb__reader_sink(struct pb__reader *r)
{
    return (pb_sink){&pb__read_ops, r};
}

/* ---- Expression by expression ---- */

struct pb_unjellier {
    struct pb__reader reader;
    pb_jelly_config config;
    pb_value *value;
    pb_error err;
    bool done; /* value or err has not been taken yet */
};

static int unjelly_keep(struct pb__message *m, void *ctx)
{
    pb_unjellier *u = ctx;
    if (u->done) {
        pb_value_unref(m->value);
        return PB_ERR_STATE;
    }
    u->done = true;
    u->value = m->value;
    u->err = m->refused ? *m->refused : (pb_error){0};
    return 0;
}

pb_unjellier *pb_unjellier_new(const pb_jelly_config *c)
{
    pb_unjellier *u = pb__malloc(sizeof *u);
    if (u) {
        u->config = c ? *c : default_config;
        pb_taster_ref(u->config.taster);
        u->value = NULL;
        u->done = false;
        pb__reader_init(&u->reader, &(struct pb__reader_config){.jelly = &u->config,
                                                                .done = unjelly_keep,
                                                                .ctx = u});
    }
    return u;
}

pb_sink pb_unjellier_sink(pb_unjellier *u)
{
    return u ? pb__reader_sink(&u->reader) : (pb_sink){0};
}

int pb_unjellier_take(pb_unjellier *u, pb_value **out, pb_error *err)
{
    if (out) {
        *out = NULL;
    }
    if (!u || !out) {
        return pb__error_null(err, u ? "the place for the value" : "the reader");
    }
    if (!u->done) {
        return pb__error_set(err, PB_ERR_STATE, 0, "no expression is complete");
    }
    u->done = false;
    if (u->err.code) {
        pb__error_copy(err, &u->err);
        return u->err.code;
    }
    *out = u->value;
    u->value = NULL;
    return 0;
}

void pb_unjellier_free(pb_unjellier *u)
{
    if (u) {
        pb__reader_fini(&u->reader);
        pb_value_unref(u->value);
        pb_taster_unref(u->config.taster);
        pb__free(u);
    }
}

/* ---- In one step ---- */

struct one {
    pb_value *value;
    pb_error err;
    bool done;
    pb_decoder decoder;
};

static int keep_one(struct pb__message *m, void *ctx)
{
    struct one *o = ctx;
    o->done = true;
    o->value = m->value;
    o->err = m->refused ? *m->refused : (pb_error){0};
    pb_decoder_pause(&o->decoder);
    return 0;
}

/* Checks the result of reading the complete input; code and text are in o->err. */
static int unjelly_check(struct one *o, int status, size_t len)
{
    size_t rest = pb_decoder_rest(&o->decoder);
    if (status) {
        return pb__error_set(&o->err, status, 0, "%s", pb_strerror(status));
    }
    if (!o->done) {
        return pb__error_set(&o->err, PB_ERR_SYNTAX, len,
                             "the bytes end before the expression does");
    }
    if (o->err.code == 0 && rest > 0) {
        pb__error_set(&o->err, PB_ERR_SYNTAX, len - rest,
                      "%zu bytes follow the expression", rest);
    }
    return o->err.code;
}

int pb_unjelly_bytes(pb_span in, const pb_jelly_config *c, pb_dialect d, pb_value **out,
                     pb_error *err)
{
    struct one o = {.done = false};
    struct pb__reader r;
    const pb_jelly_config *config = c ? c : &default_config;
    if (out) {
        *out = NULL;
    }
    if (!out || pb__span_is_null(in)) {
        return pb__error_null(err, out ? "the input" : "the place for the value");
    }
    pb__reader_init(
        &r, &(struct pb__reader_config){.jelly = config, .done = keep_one, .ctx = &o});
    r.pooled = in.len >= POOL_LEAST;
    pb__decoder_init(&o.decoder, d, &config->limits, pb__reader_sink(&r));
    pb__decoder_allow_vocab(&o.decoder,
                            pb__profile_has(config->profile, PB__PROFILE_VOCAB_IN_NONE));
    int e = unjelly_check(&o, pb__decoder_recv(&o.decoder, in, &o.err), in.len);
    if (e) {
        if (!*o.err.where) {
            pb__reader_where(&r, &o.err);
        }
        pb_value_unref(o.value);
        o.value = NULL;
        pb__error_copy(err, &o.err);
    }
    pb__reader_fini(&r);
    pb__decoder_fini(&o.decoder);
    *out = o.value;
    return e;
}
