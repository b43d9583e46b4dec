/* SPDX-License-Identifier: MIT
 *
 * Reads values that hold no other values: a function for each kind. */
#include "tools/json/json_read_scalar.h"

#include <stdlib.h>
#include <string.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "tools/common/hex.h"

pb_value *value_json_malformed(const json_t *j, pb_error *err)
{
    char *text = json_dumps(j, JSON_ENCODE_ANY | JSON_COMPACT);
    pb__error_set(err, PB_ERR_SYNTAX, 0, "not the notation of a value: %.100s",
                  text ? text : "?");
    free(text);
    return NULL;
}

/* Sets err if v is NULL, for constructors that fail for lack of memory only; returns
 * v. */
static pb_value *check_made(pb_value *v, pb_error *err)
{
    if (!v) {
        pb__error_nomem(err);
    }
    return v;
}

static pb_span json_text_span(const json_t *text)
{
    return (pb_span){(const uint8_t *)json_string_value(text), json_string_length(text)};
}

static pb_value *scalar_int(const json_t *content, pb_error *err)
{
    return pb_int_text(json_string_value(content), err);
}

static pb_value *scalar_float(const json_t *content, pb_error *err)
{
    const char *text = json_string_value(content);
    char *end;
    double d = strtod(text, &end);
    return *text && !*end ? check_made(pb_float(d), err)
                          : value_json_malformed(content, err);
}

static pb_value *scalar_str(const json_t *content, pb_error *err)
{
    return pb_strn(json_text_span(content), err);
}

static pb_value *scalar_bytes(const json_t *content, pb_error *err)
{
    pb_span hex = json_text_span(content);
    uint8_t *bytes = pb__malloc(hex.len / 2);
    if (!bytes) {
        return check_made(NULL, err);
    }
    bool good = hex.len % 2 == 0;
    for (size_t i = 0; good && i < hex.len / 2; i++) {
        int high = hex_digit(hex.data[2 * i]), low = hex_digit(hex.data[2 * i + 1]);
        good = high >= 0 && low >= 0;
        bytes[i] = (uint8_t)(high * 16 + low);
    }
    pb_value *v = good ? check_made(pb_bytes((pb_span){bytes, hex.len / 2}), err)
                       : value_json_malformed(content, err);
    pb__free(bytes);
    return v;
}

static pb_value *scalar_decimal(const json_t *content, pb_error *err)
{
    return pb_decimal(json_string_value(content), err);
}

static pb_value *scalar_class(const json_t *content, pb_error *err)
{
    return check_made(pb_name(PB_CLASS, json_string_value(content)), err);
}

static pb_value *scalar_module(const json_t *content, pb_error *err)
{
    return check_made(pb_name(PB_MODULE, json_string_value(content)), err);
}

static pb_value *scalar_function(const json_t *content, pb_error *err)
{
    return check_made(pb_name(PB_FUNCTION, json_string_value(content)), err);
}

static pb_value *scalar_unpersistable(const json_t *content, pb_error *err)
{
    return check_made(pb_unpersistable(json_string_value(content)), err);
}

/* Reads the n ints of a time; false if there is another number of them, or one is far out
 * of range. */
static bool json_read_ints(const json_t *content, size_t n, int64_t *out)
{
    bool good = json_array_size(content) == n;
    for (size_t i = 0; good && i < n; i++) {
        const json_t *j = json_array_get(content, i);
        out[i] = json_integer_value(j);
        good = json_is_integer(j) && out[i] >= INT32_MIN && out[i] <= INT32_MAX;
    }
    return good;
}

static pb_value *scalar_datetime(const json_t *content, pb_error *err)
{
    int64_t n[7];
    if (!json_read_ints(content, 7, n)) {
        return value_json_malformed(content, err);
    }
    pb_datetime_fields f = {(int)n[0], (int)n[1], (int)n[2], (int)n[3],
                            (int)n[4], (int)n[5], (int)n[6]};
    return pb_datetime(&f, err);
}

static pb_value *scalar_date(const json_t *content, pb_error *err)
{
    int64_t n[3];
    return json_read_ints(content, 3, n) ? pb_date((int)n[0], (int)n[1], (int)n[2], err)
                                         : value_json_malformed(content, err);
}

static pb_value *scalar_time(const json_t *content, pb_error *err)
{
    int64_t n[4];
    return json_read_ints(content, 4, n)
               ? pb_time((int)n[0], (int)n[1], (int)n[2], (int)n[3], err)
               : value_json_malformed(content, err);
}

static pb_value *scalar_timedelta(const json_t *content, pb_error *err)
{
    int64_t n[3];
    return json_read_ints(content, 3, n) ? pb_timedelta(n[0], n[1], n[2], err)
                                         : value_json_malformed(content, err);
}

pb_value *value_from_json_scalar(pb_kind kind, const json_t *content, pb_error *err)
{
    static pb_value *(*const make[])(const json_t *content, pb_error *err) = {
        [PB_INT] = scalar_int,
        [PB_FLOAT] = scalar_float,
        [PB_STR] = scalar_str,
        [PB_BYTES] = scalar_bytes,
        [PB_DATETIME] = scalar_datetime,
        [PB_DATE] = scalar_date,
        [PB_TIME] = scalar_time,
        [PB_TIMEDELTA] = scalar_timedelta,
        [PB_DECIMAL] = scalar_decimal,
        [PB_CLASS] = scalar_class,
        [PB_MODULE] = scalar_module,
        [PB_FUNCTION] = scalar_function,
        [PB_UNPERSISTABLE] = scalar_unpersistable,
    };
    return make[kind](content, err);
}
