/* SPDX-License-Identifier: MIT
 *
 * Values from and to plain JSON, without recursion. */
#include "tools/json/plain.h"

#include <math.h>

#include "compat/value.h"
#include "libpb/base/error.h"
#include "libpb/base/map.h"
#include "tools/json/json_text.h"

/* ---- Reading ---- */

struct plain_reading {
    pb_value *result;
    struct pb__buf open; /* pb_value *: open lists and dicts, borrowed from the result */
    pb_value *key;       /* of the value that follows */
    pb_error *err;
};

static int reading_put_steal(struct plain_reading *r, pb_value *v)
{
    pb_value *top =
        r->open.len ? ((pb_value **)(void *)(r->open.data + r->open.len))[-1] : NULL;
    pb_value *key = r->key;
    int failed = v ? 0 : PB_ERR_NOMEM;
    r->key = NULL;
    if (top && pb_value_kind(top) == PB_DICT) {
        failed = pb_dict_set_value_steal(top, key, v);
    } else if (top) {
        failed = pb_append_steal(top, v);
    } else {
        r->result = v;
    }
    return failed ? pb__error_set(r->err, failed, 0, "%s", pb_strerror(failed)) : 0;
}

static int reading_begin(bool object, void *ctx)
{
    struct plain_reading *r = ctx;
    pb_value *v = object ? pb_dict() : pb_list();
    int failed = reading_put_steal(r, v);
    return failed                                        ? failed
           : pb__buf_append(&r->open, &v, sizeof v) != 0 ? pb__error_nomem(r->err)
                                                         : 0;
}

static int reading_end(void *ctx)
{
    ((struct plain_reading *)ctx)->open.len -= sizeof(pb_value *);
    return 0;
}

static int reading_key(pb_span text, void *ctx)
{
    struct plain_reading *r = ctx;
    pb_value *dict = ((pb_value **)(void *)(r->open.data + r->open.len))[-1];
    r->key = pb_strn(text, r->err);
    if (r->key && pb_dict_get_value(dict, r->key)) {
        return pb__error_set(r->err, PB_ERR_SYNTAX, 0, "the key \"%.40s\" stands twice",
                             (const char *)text.data);
    }
    return r->key ? 0 : r->err->code;
}

static int reading_string(pb_span text, void *ctx)
{
    struct plain_reading *r = ctx;
    pb_value *v = pb_strn(text, r->err);
    return v ? reading_put_steal(r, v) : r->err->code;
}

static int reading_number(pb_span text, bool integer, void *ctx)
{
    struct plain_reading *r = ctx;
    struct pb__buf copy = {0};
    pb_error why = {0};
    double d = 0;
    int failed = pb__buf_append(&copy, text.data, text.len);
    failed = failed ? failed : pb__buf_append(&copy, "", 1);
    pb_value *v = failed ? NULL : pb_value_parse((const char *)copy.data, &why);
    pb__buf_fini(&copy);
    if (v && !integer && pb_as_float(v, &d) == 0 && !isfinite(d)) {
        pb_value_unref(v);
        return pb__error_set(r->err, PB_ERR_RANGE, 0, "%.*s is too large for a float",
                             text.len < 40 ? (int)text.len : 40, (const char *)text.data);
    }
    return v ? reading_put_steal(r, v)
             : pb__error_set(r->err, why.code ? why.code : PB_ERR_NOMEM, 0, "%s",
                             why.code ? why.text : pb_strerror(PB_ERR_NOMEM));
}

static int reading_constant(char first, void *ctx)
{
    return reading_put_steal(ctx, first == 'n' ? pb_none() : pb_bool(first == 't'));
}

pb_value *value_from_plain_json(pb_span text, pb_error *err)
{
    struct plain_reading r = {.err = err};
    const struct json_sink sink = {
        reading_begin,  reading_end,      reading_key, reading_string,
        reading_number, reading_constant, &r};
    size_t used;
    int failed = json_text_parse(text, &sink, &used, err);
    if (!failed && used < text.len) {
        failed =
            pb__error_set(err, PB_ERR_SYNTAX, used, "unexpected text after the value");
    }
    pb_value_unref(r.key);
    pb__buf_fini(&r.open);
    if (failed) {
        pb_value_unref(r.result);
        return NULL;
    }
    return r.result;
}

/* ---- Writing ---- */

/* A list or dict whose members are being written. */
struct plain_level {
    const pb_value *v;
    size_t at, dict_pos;
    pb_value *key; /* of the pair that is being written */
};

struct plain_writing {
    struct pb__buf *out;
    struct pb__buf open; /* struct plain_level */
    struct pb__map seen; /* lists and dicts */
    bool bytes_are_text;
    pb_error *err;
};

/* Sets the error, with the path to the place. */
static int plain_refuse(struct plain_writing *w, const char *what)
{
    const struct plain_level *l = (const void *)w->open.data;
    pb_span key;
    int failed = pb__error_set(w->err, PB_ERR_TYPE, 0, "%s", what);
    for (size_t i = 0; i < w->open.len / sizeof *l; i++) {
        if (pb_value_kind(l[i].v) != PB_DICT) {
            pb__error_where(w->err, "[%zu]", l[i].at - 1);
        } else if (l[i].key && pb_as_text(l[i].key, &key) == 0) {
            pb__error_where(w->err, "[\"%.*s\"]", key.len < 20 ? (int)key.len : 20,
                            (const char *)key.data);
        }
    }
    return failed;
}

/* Whether v is text, or counts as text. */
static bool plain_text(const struct plain_writing *w, const pb_value *v, pb_span *text)
{
    size_t bad;
    pb_kind kind = pb_value_kind(v);
    bool bytes = kind == PB_BYTES && w->bytes_are_text;
    return (kind == PB_STR || bytes) && pb_as_text(v, text) == 0 &&
           (!bytes || !text->len || pb__utf8_check(text->data, text->len, &bad));
}

/* The repr of an int or float is its JSON, too. */
static int plain_append_number(struct plain_writing *w, const pb_value *v)
{
    double d = 0;
    if (pb_value_kind(v) == PB_FLOAT && pb_as_float(v, &d) == 0 && !isfinite(d)) {
        return plain_refuse(w, isnan(d) ? "a nan" : "an infinite float");
    }
    char *text = pb_value_repr(v);
    int failed = text ? pb__buf_puts(w->out, text) : PB_ERR_NOMEM;
    pb_free(text);
    return failed;
}

static int plain_open(struct plain_writing *w, const pb_value *v)
{
    uint64_t key = (uint64_t)(uintptr_t)v;
    struct plain_level l = {.v = v};
    if (pb__map_get(&w->seen, key)) {
        return plain_refuse(w, pb_value_kind(v) == PB_LIST
                                   ? "a list that stands in several places"
                                   : "a dict that stands in several places");
    }
    int failed = pb__map_set(&w->seen, key, &w->seen);
    failed = failed ? failed : pb__buf_append(&w->open, &l, sizeof l);
    return failed ? failed
                  : pb__buf_puts(w->out, pb_value_kind(v) == PB_LIST ? "[" : "{");
}

static int plain_append(struct plain_writing *w, const pb_value *v)
{
    char what[80];
    pb_span text;
    bool b = false;
    switch (pb_value_kind(v)) {
    case PB_NONE:
        return pb__buf_puts(w->out, "null");
    case PB_BOOL:
        pb_as_bool(v, &b);
        return pb__buf_puts(w->out, b ? "true" : "false");
    case PB_INT:
    case PB_FLOAT:
        return plain_append_number(w, v);
    case PB_LIST:
    case PB_DICT:
        return plain_open(w, v);
    default:
        if (plain_text(w, v, &text)) {
            return json_append_string(w->out, text);
        }
        snprintf(what, sizeof what, "a value of kind %s", pb_kind_name(pb_value_kind(v)));
        return plain_refuse(w, what);
    }
}

static int plain_append_key(struct plain_writing *w, const pb_value *key)
{
    pb_span text;
    if (!plain_text(w, key, &text)) {
        return plain_refuse(w, "a key that is no text");
    }
    int failed = json_append_string(w->out, text);
    return failed ? failed : pb__buf_puts(w->out, ": ");
}

/* Writes the next member of the innermost list or dict, or closes it. */
static int plain_append_next(struct plain_writing *w)
{
    struct plain_level *l =
        (struct plain_level *)(void *)(w->open.data + w->open.len) - 1;
    bool dict = pb_value_kind(l->v) == PB_DICT;
    pb_value *member = NULL;
    if (dict ? !pb_dict_next(l->v, &l->dict_pos, &l->key, &member)
             : !(member = pb_item(l->v, l->at))) {
        w->open.len -= sizeof *l;
        return pb__buf_puts(w->out, dict ? "}" : "]");
    }
    int failed = l->at++ ? pb__buf_puts(w->out, ", ") : 0;
    failed = failed || !dict ? failed : plain_append_key(w, l->key);
    return failed ? failed : plain_append(w, member);
}

int value_append_plain_json(struct pb__buf *out, const pb_value *v, bool bytes_are_text,
                            pb_error *err)
{
    struct plain_writing w = {.out = out, .bytes_are_text = bytes_are_text, .err = err};
    int failed = plain_append(&w, v);
    while (!failed && w.open.len) {
        failed = plain_append_next(&w);
    }
    pb__buf_fini(&w.open);
    pb__map_fini(&w.seen);
    return failed == PB_ERR_NOMEM ? pb__error_nomem(err) : failed;
}
