/* SPDX-License-Identifier: MIT
 *
 * Fuzzes the reader. The first byte selects the peer, the taster, the dialect and whether
 * the rest is messages; the second is the size of the pieces. Reading all at once, in
 * pieces, and without the reader's own loop must give the same value or the same
 * error. */
#include <stdbool.h>
#include <string.h>

#include "compat/island.h"
#include "libpb/banana/decode.h"
#include "libpb/fuzz/fuzz.h"
#include "libpb/jelly/jelly.h"

const char pb__fuzz_name[] = "jelly";

/* limit of visited places of a value: a few shared containers have many places */
#define LOOKED_AT 2000

struct digest {
    uint64_t sum;
    pb_value *todo[LOOKED_AT];
    size_t len, seen;
};

static void add(struct digest *d, const void *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        d->sum = (d->sum ^ ((const uint8_t *)data)[i]) * 0x100000001b3;
    }
}

static void add_value(struct digest *d, pb_value *v)
{
    pb_kind kind = v ? pb__kind(v) : PB_NONE;
    int64_t i;
    pb_span s;
    add(d, &kind, sizeof kind);
    if (!v) {
        add(d, "-", 1);
    } else if (pb_as_int(v, &i) == 0) {
        add(d, &i, sizeof i);
    } else if (pb_as_text(v, &s) == 0) {
        add(d, s.data, s.len);
    } else if (pb__is_node(v)) {
        struct pb__edges e = pb__edges((struct pb__node *)v);
        add(d, &e.len, sizeof e.len);
        for (size_t k = e.len; k-- > 0 && d->len < LOOKED_AT;) {
            d->todo[d->len++] = e.to[k];
        }
    } else {
        char *repr = pb_value_repr(v);
        must(repr);
        add(d, repr, strlen(repr));
        pb_free(repr);
    }
}

struct outcome {
    struct digest digest;
    unsigned count;
};

static int done(struct pb__message *m, void *ctx)
{
    struct outcome *o = ctx;
    o->digest.len = 1;
    o->digest.todo[0] = m->value;
    o->count++;
    for (int i = 0; i < LOOKED_AT && o->digest.len > 0; i++) {
        add_value(&o->digest, o->digest.todo[--o->digest.len]);
    }
    if (m->refused) {
        must(m->refused->code != 0 && m->refused->text[0] != '\0');
        add(&o->digest, &m->refused->code, sizeof m->refused->code);
        add(&o->digest, m->refused->text, strlen(m->refused->text));
    }
    pb_value_unref(m->value);
    return 0;
}

static enum pb__known knows(pb_span head, void *ctx)
{
    (void)ctx;
    return head.len == 4 && memcmp(head.data, "copy", 4) == 0;
}

static int unjelly(const struct pb__form *form, pb_value **out, pb_error *err, void *ctx)
{
    (void)err;
    (void)ctx;
    *out = pb_instance("Copy", form->state ? form->state
                               : form->id  ? form->id
                                           : pb_none());
    return *out ? 0 : PB_ERR_NOMEM;
}

struct settings {
    pb_jelly_config config;
    pb_dialect dialect;
    bool messages;
};

static void read_all(const struct settings *s, pb_span in, size_t step, bool plain,
                     struct outcome *o)
{
    static const struct pb__invoker invoker = {.knows = knows, .unjelly = unjelly};
    *o = (struct outcome){.count = 0};
    struct pb__reader *r = pb__reader_new(&(struct pb__reader_config){
        .jelly = &s->config,
        .invoker = &invoker,
        .messages = s->messages,
        .done = done,
        .ctx = o,
    });
    must(r);
    pb_sink sink = pb__reader_sink(r);
    pb_sink_ops ops = *sink.ops;
    ops.attach = NULL;
    sink.ops = plain ? &ops : sink.ops;
    pb_decoder *d = pb_decoder_new(s->dialect, NULL, sink);
    must(d);
    int e = 0;
    for (size_t at = 0; at < in.len && e == 0; at += step) {
        size_t n = step < in.len - at ? step : in.len - at;
        e = pb_decoder_recv(d, (pb_span){in.data + at, n}, NULL);
    }
    add(&o->digest, &e, sizeof e);
    pb_decoder_free(d);
    pb__reader_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const pb_profile profiles[4] = {
        {0, 0, 0}, {2, 7, 2003}, {2, 7, 802}, {3, 11, 2204}};
    static struct outcome whole, other;
    if (size < 2) {
        return 0;
    }
    struct settings s = {.config = {.profile = profiles[data[0] & 3]},
                         .dialect = data[0] & 4 ? PB_DIALECT_NONE : PB_DIALECT_PB,
                         .messages = data[0] & 8};
    if (data[0] & 16) {
        s.config.taster = pb_taster_new();
        must(s.config.taster && pb_taster_allow_all(s.config.taster) == 0);
    }
    pb_span in = {data + 2, size - 2};
    read_all(&s, in, size, false, &whole);
    for (int plain = 0; plain < 2; plain++) {
        read_all(&s, in, (size_t)data[1] + 1, plain, &other);
        must(other.count == whole.count && other.digest.sum == whole.digest.sum);
    }
    pb_taster_unref(s.config.taster);
    return 0;
}
