/* SPDX-License-Identifier: MIT
 *
 * Values that hold no others, out of the neutral notation: a function for each kind. */
#include "tools/json_scalar.h"

#include <stdlib.h>
#include <string.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"

pb_value *json_no_value(const json_t *j, pb_error *err)
{
    char *text = json_dumps(j, JSON_ENCODE_ANY | JSON_COMPACT);
    pb__error_set(err, PB_ERR_SYNTAX, 0, "describes no value: %.100s", text ? text : "?");
    free(text);
    return NULL;
}

/* NULL of a constructor that can only lack memory. */
static pb_value *made(pb_value *v, pb_error *err)
{
    if (!v) {
        pb__error_nomem(err);
    }
    return v;
}

static pb_span span_of(const json_t *text)
{
    return (pb_span){(const uint8_t *)json_string_value(text), json_string_length(text)};
}

static pb_value *make_int(const json_t *content, pb_error *err)
{
    return pb_int_text(json_string_value(content), err);
}

static pb_value *make_float(const json_t *content, pb_error *err)
{
    const char *text = json_string_value(content);
    char *end;
    double d = strtod(text, &end);
    return *text && !*end ? made(pb_float(d), err) : json_no_value(content, err);
}

static pb_value *make_str(const json_t *content, pb_error *err)
{
    return pb_strn(span_of(content), err);
}

static int hex_digit(uint8_t c)
{
    const char *at = c ? strchr("0123456789abcdef", c | 0x20) : NULL;
    return at ? (int)(at - "0123456789abcdef") : -1;
}

static pb_value *make_bytes(const json_t *content, pb_error *err)
{
    pb_span hex = span_of(content);
    size_t len = hex.len / 2;
    uint8_t *data = pb__malloc(len);
    if (!data) {
        return made(NULL, err);
    }
    bool good = hex.len % 2 == 0;
    for (size_t i = 0; good && i < len; i++) {
        int high = hex_digit(hex.data[2 * i]), low = hex_digit(hex.data[2 * i + 1]);
        good = high >= 0 && low >= 0;
        data[i] = (uint8_t)(high * 16 + low);
    }
    pb_value *v =
        good ? made(pb_bytes((pb_span){data, len}), err) : json_no_value(content, err);
    pb__free(data);
    return v;
}

static pb_value *make_decimal(const json_t *content, pb_error *err)
{
    return pb_decimal(json_string_value(content), err);
}

static pb_value *make_class(const json_t *content, pb_error *err)
{
    return made(pb_name(PB_CLASS, json_string_value(content)), err);
}

static pb_value *make_module(const json_t *content, pb_error *err)
{
    return made(pb_name(PB_MODULE, json_string_value(content)), err);
}

static pb_value *make_function(const json_t *content, pb_error *err)
{
    return made(pb_name(PB_FUNCTION, json_string_value(content)), err);
}

static pb_value *make_unpersistable(const json_t *content, pb_error *err)
{
    return made(pb_unpersistable(json_string_value(content)), err);
}

/* The ints of a time; false where there are not n, or one of them is past any. */
static bool numbers(const json_t *content, size_t n, int64_t *out)
{
    bool good = json_array_size(content) == n;
    for (size_t i = 0; good && i < n; i++) {
        const json_t *j = json_array_get(content, i);
        out[i] = json_integer_value(j);
        good = json_is_integer(j) && out[i] >= INT32_MIN && out[i] <= INT32_MAX;
    }
    return good;
}

static pb_value *make_datetime(const json_t *content, pb_error *err)
{
    int64_t n[7];
    if (!numbers(content, 7, n)) {
        return json_no_value(content, err);
    }
    pb_datetime_fields f = {(int)n[0], (int)n[1], (int)n[2], (int)n[3],
                            (int)n[4], (int)n[5], (int)n[6]};
    return pb_datetime(&f, err);
}

static pb_value *make_date(const json_t *content, pb_error *err)
{
    int64_t n[3];
    return numbers(content, 3, n) ? pb_date((int)n[0], (int)n[1], (int)n[2], err)
                                  : json_no_value(content, err);
}

static pb_value *make_time(const json_t *content, pb_error *err)
{
    int64_t n[4];
    return numbers(content, 4, n)
               ? pb_time((int)n[0], (int)n[1], (int)n[2], (int)n[3], err)
               : json_no_value(content, err);
}

static pb_value *make_timedelta(const json_t *content, pb_error *err)
{
    int64_t n[3];
    return numbers(content, 3, n) ? pb_timedelta(n[0], n[1], n[2], err)
                                  : json_no_value(content, err);
}

pb_value *json_scalar(pb_kind kind, const json_t *content, pb_error *err)
{
    static pb_value *(*const make[])(const json_t *content, pb_error *err) = {
        [PB_INT] = make_int,
        [PB_FLOAT] = make_float,
        [PB_STR] = make_str,
        [PB_BYTES] = make_bytes,
        [PB_DATETIME] = make_datetime,
        [PB_DATE] = make_date,
        [PB_TIME] = make_time,
        [PB_TIMEDELTA] = make_timedelta,
        [PB_DECIMAL] = make_decimal,
        [PB_CLASS] = make_class,
        [PB_MODULE] = make_module,
        [PB_FUNCTION] = make_function,
        [PB_UNPERSISTABLE] = make_unpersistable,
    };
    return make[kind](content, err);
}
