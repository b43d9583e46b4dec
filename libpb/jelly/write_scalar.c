/* SPDX-License-Identifier: MIT
 *
 * Writing scalars that the loop in write.c leaves out: texts, large ints, dates and
 * times, Decimals, and names. Some of them Twisted cannot send, depending on its
 * version. */
#include <stdio.h>

#include "libpb/base/error.h"
#include "libpb/jelly/write.h"

int pb__write_refuse_str(struct pb__writer *w, const char *text)
{
    return pb__error_set(w->err, PB_ERR_TYPE, 0,
                         "Banana cannot send builtins.str objects: '%.120s'", text);
}

/* Writes the bytes of a text. */
static int put_text(struct pb__writer *w, const pb_value *v)
{
    return pb__encode_bytes(
        w->e, (pb_span){pb__write_text_of(v)->data, pb__write_text_of(v)->len});
}

int pb__write_text(struct pb__writer *w, const pb_value *v)
{
    int e = v->kind == PB_STR ? pb__write_opening(w, PB_STR) : 0;
    return e ? e : put_text(w, v);
}

/* Writes an int of any size; `negative` says the sign of a large one. */
static int put_int(struct pb__writer *w, const pb_value *v, bool negative)
{
    int64_t i;
    if (pb_as_int(v, &i) == 0) {
        return pb__encode_int(w->e, negative && i > 0 ? -i : i);
    }
    const struct pb__big *b = (const struct pb__big *)v;
    size_t len = pb__int_base128_len(b);
    size_t limit = pb__encoder_limits(w->e)->prefix;
    if (len > limit) {
        return pb__encode_refuse(w->e, PB__FAULT_SEND_INT, len, limit);
    }
    int e = pb__encoder_reserve(w->e, len + 1);
    if (e == 0) {
        uint8_t *p = pb__encoder_cursor(w->e);
        pb__int_to_base128(b, p);
        p[len] = negative ? PB__TYPE_LONGNEG : PB__TYPE_LONGINT;
        pb__encoder_commit(w->e, p + len + 1);
    }
    return e;
}

int pb__write_int(struct pb__writer *w, const pb_value *v)
{
    return put_int(w, v, !pb__is_small(v) && ((const struct pb__big *)v)->negative);
}

int pb__write_datetime(struct pb__writer *w, const pb_value *v)
{
    const struct pb__datetime *m = (const struct pb__datetime *)v;
    char text[80];
    int len;
    switch (v->kind) {
    case PB_DATETIME:
        len = snprintf(text, sizeof text, "%d %d %d %d %d %d %d", m->year_or_days,
                       m->month, m->day, m->hour, m->minute, m->second, m->microsecond);
        break;
    case PB_DATE:
        len = snprintf(text, sizeof text, "%d %d %d", m->year_or_days, m->month, m->day);
        break;
    case PB_TIME:
        len = snprintf(text, sizeof text, "%d %d %d %d", m->hour, m->minute, m->second,
                       m->microsecond);
        break;
    default:
        len = snprintf(text, sizeof text, "%d %d %d", m->year_or_days, m->second,
                       m->microsecond);
        break;
    }
    if (v->kind != PB_DATETIME && pb__write_has(w, PB__PROFILE_DATES_REFUSED)) {
        return pb__write_refuse_str(w, text);
    }
    int e = pb__write_opening(w, v->kind);
    return e ? e : pb__write_chars(w, text, (size_t)len);
}

int pb__write_decimal(struct pb__writer *w, const pb_value *v)
{
    const struct pb__decimal *d = (const struct pb__decimal *)v;
    if (d->special && d->special != 'F' && d->digits == pb__small(0)) {
        return pb__error_set(w->err, PB_ERR_TYPE, 0,
                             "Decimal('%sNaN') has no digits to send",
                             d->special == 'N' ? "s" : "");
    }
    const char exponent[2] = {d->special, 0};
    if (d->special && !pb__write_has(w, PB__PROFILE_NATIVE_STR_BARE)) {
        return pb__write_refuse_str(w, exponent);
    }
    int e = pb__write_opening(w, PB_DECIMAL);
    e = e ? e : put_int(w, d->digits, d->negative);
    if (e) {
        return e;
    }
    return d->special ? pb__write_chars(w, exponent, 1)
                      : pb__encode_int(w->e, d->exponent);
}

int pb__write_name(struct pb__writer *w, const pb_value *v)
{
    if (v->kind != PB_CLASS && !pb__write_has(w, PB__PROFILE_SENDS_FUNCTIONS)) {
        return pb__write_refuse_str(w, (const char *)pb__write_text_of(v)->data);
    }
    int e = pb__write_opening(w, v->kind);
    return e ? e : put_text(w, v);
}
