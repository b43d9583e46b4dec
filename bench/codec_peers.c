/* SPDX-License-Identifier: MIT
 *
 * libpb's codec, msgpack-c and libcbor on one value. Each keeps what a program with much
 * to send would keep: libpb its decoder and encoder, msgpack-c its buffer. msgpack-c does
 * not copy strings when it reads, so its figures for reading blobs mean little. */
#include <cbor.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "bench/codec.h"
#include "pb/jelly.h"

struct libpb_state {
    pb_jelly_config jelly;
    pb_unjellier *unjellier;
    pb_decoder *decoder;
    pb_encoder *encoder;
    pb_value *value;
    pb_span banana;
};

static void *libpb_open(pb_value *v, pb_span banana, size_t *len)
{
    struct libpb_state *s = calloc(1, sizeof *s);
    if (!s) {
        return NULL;
    }
    s->jelly.taster = pb_taster_new();
    s->encoder = pb_encoder_new(PB_DIALECT_PB, NULL);
    s->value = v;
    s->banana = banana;
    *len = banana.len;
    if (!s->jelly.taster || !s->encoder || pb_taster_allow_all(s->jelly.taster) != 0) {
        return NULL;
    }
    s->unjellier = pb_unjellier_new(&s->jelly);
    if (!s->unjellier) {
        return NULL;
    }
    s->decoder = pb_decoder_new(PB_DIALECT_PB, NULL, pb_unjellier_sink(s->unjellier));
    return s->decoder ? s : NULL;
}

static bool libpb_decode_once(void *state)
{
    struct libpb_state *s = state;
    pb_value *v = NULL;
    if (pb_decoder_recv(s->decoder, s->banana, NULL) != 0 ||
        pb_unjellier_take(s->unjellier, &v, NULL) != 0) {
        return false;
    }
    pb_value_unref(v);
    return true;
}

static bool libpb_encode_once(void *state)
{
    struct libpb_state *s = state;
    bool good = pb_jelly(s->value, &s->jelly, s->encoder, NULL) == 0 &&
                pb_encoder_send(s->encoder).len == s->banana.len;
    pb_encoder_rewind(s->encoder, 0);
    return good;
}

/* The contents of a scalar value, for the other codecs. */
struct scalar {
    bool b;
    int64_t i;
    double d;
    pb_span s;
};

static pb_kind scalar_get(pb_value *v, struct scalar *out)
{
    pb_as_bool(v, &out->b);
    pb_as_int(v, &out->i);
    pb_as_float(v, &out->d);
    pb_as_text(v, &out->s);
    return pb_value_kind(v);
}

static void msgpack_pack_value(msgpack_packer *p, pb_value *v)
{
    struct scalar s = {0};
    pb_value *key, *value;
    size_t pos = 0;
    switch (scalar_get(v, &s)) {
    case PB_LIST:
        msgpack_pack_array(p, pb_len(v));
        for (size_t i = 0; i < pb_len(v); i++) {
            msgpack_pack_value(p, pb_item(v, i));
        }
        break;
    case PB_DICT:
        msgpack_pack_map(p, pb_len(v));
        while (pb_dict_next(v, &pos, &key, &value)) {
            msgpack_pack_value(p, key);
            msgpack_pack_value(p, value);
        }
        break;
    case PB_BOOL:
        s.b ? msgpack_pack_true(p) : msgpack_pack_false(p);
        break;
    case PB_INT:
        msgpack_pack_int64(p, s.i);
        break;
    case PB_FLOAT:
        msgpack_pack_double(p, s.d);
        break;
    case PB_STR:
        msgpack_pack_str_with_body(p, s.s.data, s.s.len);
        break;
    case PB_BYTES:
        msgpack_pack_bin_with_body(p, s.s.data, s.s.len);
        break;
    default:
        msgpack_pack_nil(p);
    }
}

struct msgpack_state {
    msgpack_sbuffer in, out;
    msgpack_packer packer;
    msgpack_unpacked tree;
};

static void *msgpack_open(pb_value *v, pb_span banana, size_t *len)
{
    (void)banana;
    struct msgpack_state *s = calloc(1, sizeof *s);
    if (!s) {
        return NULL;
    }
    msgpack_packer_init(&s->packer, &s->in, msgpack_sbuffer_write);
    msgpack_pack_value(&s->packer, v);
    msgpack_packer_init(&s->packer, &s->out, msgpack_sbuffer_write);
    *len = s->in.size;
    bool good = msgpack_unpack_next(&s->tree, s->in.data, s->in.size, NULL) ==
                MSGPACK_UNPACK_SUCCESS;
    return good ? s : NULL;
}

static bool msgpack_decode_once(void *state)
{
    struct msgpack_state *s = state;
    msgpack_unpacked tree = {0};
    bool good = msgpack_unpack_next(&tree, s->in.data, s->in.size, NULL) ==
                MSGPACK_UNPACK_SUCCESS;
    msgpack_unpacked_destroy(&tree);
    return good;
}

static bool msgpack_encode_once(void *state)
{
    struct msgpack_state *s = state;
    msgpack_sbuffer_clear(&s->out);
    return msgpack_pack_object(&s->packer, s->tree.data) == 0 &&
           s->out.size == s->in.size;
}

static cbor_item_t *cbor_from_value(pb_value *v)
{
    struct scalar s = {0};
    pb_value *key, *value;
    size_t pos = 0;
    cbor_item_t *item;
    switch (scalar_get(v, &s)) {
    case PB_LIST:
        item = cbor_new_definite_array(pb_len(v));
        for (size_t i = 0; i < pb_len(v); i++) {
            (void)!cbor_array_push(item, cbor_move(cbor_from_value(pb_item(v, i))));
        }
        return item;
    case PB_DICT:
        item = cbor_new_definite_map(pb_len(v));
        while (pb_dict_next(v, &pos, &key, &value)) {
            (void)!cbor_map_add(item,
                                (struct cbor_pair){cbor_move(cbor_from_value(key)),
                                                   cbor_move(cbor_from_value(value))});
        }
        return item;
    case PB_BOOL:
        return cbor_build_bool(s.b);
    case PB_INT:
        return s.i < 0 ? cbor_build_negint64((uint64_t)(-1 - s.i))
                       : cbor_build_uint64((uint64_t)s.i);
    case PB_FLOAT:
        return cbor_build_float8(s.d);
    case PB_STR:
        return cbor_build_stringn((const char *)s.s.data, s.s.len);
    case PB_BYTES:
        return cbor_build_bytestring(s.s.data, s.s.len);
    default:
        return cbor_new_null();
    }
}

struct cbor_state {
    cbor_item_t *tree;
    unsigned char *in;
    size_t len;
};

static void *cbor_open(pb_value *v, pb_span banana, size_t *len)
{
    (void)banana;
    struct cbor_state *s = calloc(1, sizeof *s);
    size_t room;
    if (!s) {
        return NULL;
    }
    s->tree = cbor_from_value(v);
    *len = s->len = cbor_serialize_alloc(s->tree, &s->in, &room);
    return s->len ? s : NULL;
}

static bool cbor_decode_once(void *state)
{
    struct cbor_state *s = state;
    struct cbor_load_result result;
    cbor_item_t *tree = cbor_load(s->in, s->len, &result);
    if (tree) {
        cbor_decref(&tree);
    }
    return result.error.code == CBOR_ERR_NONE;
}

static bool cbor_encode_once(void *state)
{
    struct cbor_state *s = state;
    unsigned char *out;
    size_t room, len = cbor_serialize_alloc(s->tree, &out, &room);
    free(out);
    return len == s->len;
}

struct memcpy_state {
    pb_span in;
    uint8_t *out;
};

static void *memcpy_open(pb_value *v, pb_span banana, size_t *len)
{
    (void)v;
    struct memcpy_state *s = malloc(sizeof *s);
    uint8_t *out = malloc(banana.len);
    if (!s || !out) {
        return NULL;
    }
    *s = (struct memcpy_state){banana, out};
    *len = banana.len;
    return s;
}

static bool memcpy_once(void *state)
{
    struct memcpy_state *s = state;
    memcpy(s->out, s->in.data, s->in.len);
    __asm__ volatile(""
                     :
                     : "r"(s->out)
                     : "memory"); /* else the compiler leaves the memcpy out */
    return true;
}

const struct codec codecs[] = {
    {"libpb", libpb_open, libpb_decode_once, libpb_encode_once},
    {"msgpack-c", msgpack_open, msgpack_decode_once, msgpack_encode_once},
    {"libcbor", cbor_open, cbor_decode_once, cbor_encode_once},
    {"memcpy", memcpy_open, memcpy_once, memcpy_once},
    {0},
};
