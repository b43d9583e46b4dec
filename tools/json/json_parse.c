/* SPDX-License-Identifier: MIT
 *
 * The parser of JSON text: a state and a stack of open brackets. */
#include <string.h>

#include "compat/value.h"
#include "libpb/base/error.h"
#include "tools/common/hex.h"
#include "tools/json/json_text.h"

enum json_state {
    JSON_VALUE,          /* a value is expected */
    JSON_VALUE_OR_CLOSE, /* or "]" */
    JSON_KEY,            /* a key is expected */
    JSON_KEY_OR_CLOSE,   /* or "}" */
    JSON_NEXT,           /* "," or the closing bracket */
    JSON_END,            /* the value is complete */
};

struct json_parser {
    pb_span in;
    size_t at;
    struct pb__buf open;   /* char: the open brackets */
    struct pb__buf string; /* the string that was unescaped last */
    const struct json_sink *sink;
    pb_error *err;
};

static int json_fail(struct json_parser *p, size_t at, const char *what)
{
    return pb__error_set(p->err, PB_ERR_SYNTAX, at, "%s", what);
}

static int json_peek(const struct json_parser *p)
{
    return p->at < p->in.len ? p->in.data[p->at] : -1;
}

static void json_skip_space(struct json_parser *p)
{
    int c;
    while ((c = json_peek(p)) == ' ' || c == '\t' || c == '\n' || c == '\r') {
        p->at++;
    }
}

/* ---- Strings ---- */

/* Reads four hexadecimal digits; -1 if they are not there. */
static int32_t json_hex4(struct json_parser *p)
{
    int32_t code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = json_peek(p) < 0 ? -1 : hex_digit(json_peek(p));
        if (digit < 0) {
            return -1;
        }
        code = code << 4 | digit;
        p->at++;
    }
    return code;
}

static int json_append_utf8(struct pb__buf *out, uint32_t c)
{
    uint8_t b[4] = {(uint8_t)(0xf0 | c >> 18), (uint8_t)(0x80 | (c >> 12 & 63)),
                    (uint8_t)(0x80 | (c >> 6 & 63)), (uint8_t)(0x80 | (c & 63))};
    if (c < 0x80) {
        b[3] = (uint8_t)c;
        return pb__buf_append(out, b + 3, 1);
    }
    if (c < 0x800) {
        b[2] = (uint8_t)(0xc0 | c >> 6);
        return pb__buf_append(out, b + 2, 2);
    }
    b[1] = c < 0x10000 ? (uint8_t)(0xe0 | c >> 12) : b[1];
    return c < 0x10000 ? pb__buf_append(out, b + 1, 3) : pb__buf_append(out, b, 4);
}

/* Reads what follows "\u", with the second half of a pair. */
static int json_unicode(struct json_parser *p, size_t start)
{
    int32_t code = json_hex4(p), low = 0;
    if (code < 0) {
        return json_fail(p, start, "\\u takes four hexadecimal digits");
    }
    bool high = code >= 0xd800 && code < 0xdc00;
    if (high && p->in.len - p->at >= 2 && memcmp(p->in.data + p->at, "\\u", 2) == 0) {
        p->at += 2;
        low = json_hex4(p);
    }
    if (high && low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xd800 && code < 0xe000) {
        return json_fail(p, start, "half of a surrogate pair");
    }
    return json_append_utf8(&p->string, (uint32_t)code);
}

static int json_escape(struct json_parser *p)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    size_t start = p->at++;
    int c = json_peek(p);
    p->at++;
    if (c == 'u') {
        return json_unicode(p, start);
    }
    const char *letter = c > 0 ? strchr(letters, c) : NULL;
    return letter ? pb__buf_append(&p->string, meant + (letter - letters), 1)
                  : json_fail(p, start, "no escape of JSON");
}

/* Reads a string, at its opening quote, into p->string. */
static int json_read_string(struct json_parser *p)
{
    size_t start = p->at++, bad;
    int failed = 0, c;
    p->string.len = 0;
    while (!failed && (c = json_peek(p)) != '"') {
        if (c == '\\') {
            failed = json_escape(p);
        } else if (c < 0x20) {
            failed = json_fail(p, c < 0 ? start : p->at,
                               c < 0 ? "the string is never closed"
                                     : "a control character in a string");
        } else {
            size_t from = p->at;
            while ((c = json_peek(p)) >= 0x20 && c != '"' && c != '\\') {
                p->at++;
            }
            failed = pb__buf_append(&p->string, p->in.data + from, p->at - from);
        }
    }
    p->at++;
    if (!failed && p->string.len &&
        !pb__utf8_check(p->string.data, p->string.len, &bad)) {
        failed = json_fail(p, start, "the string is not UTF-8");
    }
    return failed == PB_ERR_NOMEM ? pb__error_nomem(p->err) : failed;
}

static pb_span json_string_span(const struct json_parser *p)
{
    static const uint8_t nothing[1];
    return (pb_span){p->string.len ? p->string.data : nothing, p->string.len};
}

/* ---- Other values ---- */

static size_t json_skip_digits(struct json_parser *p)
{
    size_t from = p->at;
    while (json_peek(p) >= '0' && json_peek(p) <= '9') {
        p->at++;
    }
    return p->at - from;
}

static int json_read_number(struct json_parser *p)
{
    size_t start = p->at;
    bool integer = true;
    p->at += json_peek(p) == '-';
    bool zero = json_peek(p) == '0';
    size_t digits = json_skip_digits(p);
    bool good = digits > 0 && !(zero && digits > 1);
    if (good && json_peek(p) == '.') {
        integer = false;
        p->at++;
        good = json_skip_digits(p) > 0;
    }
    if (good && (json_peek(p) | 0x20) == 'e') {
        integer = false;
        p->at++;
        p->at += json_peek(p) == '-' || json_peek(p) == '+';
        good = json_skip_digits(p) > 0;
    }
    return good ? p->sink->number((pb_span){p->in.data + start, p->at - start}, integer,
                                  p->sink->ctx)
                : json_fail(p, start, "no number of JSON");
}

static int json_read_constant(struct json_parser *p)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t len = strlen(words[i]);
        if (p->in.len - p->at >= len && memcmp(p->in.data + p->at, words[i], len) == 0) {
            p->at += len;
            return p->sink->constant(*words[i], p->sink->ctx);
        }
    }
    return json_fail(p, p->at, "no value of JSON");
}

/* ---- Structure ---- */

static char json_innermost(const struct json_parser *p)
{
    return p->open.len ? (char)p->open.data[p->open.len - 1] : '\0';
}

static enum json_state json_after_value(const struct json_parser *p)
{
    return p->open.len ? JSON_NEXT : JSON_END;
}

static int json_close(struct json_parser *p, enum json_state *state)
{
    p->at++;
    p->open.len--;
    *state = json_after_value(p);
    return p->sink->end(p->sink->ctx);
}

static int json_take_value(struct json_parser *p, enum json_state *state)
{
    int c = json_peek(p), failed;
    if (c == '[' || c == '{') {
        char bracket = (char)c;
        p->at++;
        *state = c == '[' ? JSON_VALUE_OR_CLOSE : JSON_KEY_OR_CLOSE;
        return pb__buf_append(&p->open, &bracket, 1) != 0
                   ? pb__error_nomem(p->err)
                   : p->sink->begin(c == '{', p->sink->ctx);
    }
    if (c == '"') {
        failed = json_read_string(p);
        failed = failed ? failed : p->sink->string(json_string_span(p), p->sink->ctx);
    } else {
        failed = c == '-' || (c >= '0' && c <= '9') ? json_read_number(p)
                                                    : json_read_constant(p);
    }
    *state = json_after_value(p);
    return failed;
}

static int json_take_key(struct json_parser *p, enum json_state *state)
{
    if (json_peek(p) != '"') {
        return json_fail(p, p->at, "a key in double quotes is expected");
    }
    int failed = json_read_string(p);
    failed = failed ? failed : p->sink->key(json_string_span(p), p->sink->ctx);
    json_skip_space(p);
    if (!failed && json_peek(p) != ':') {
        failed = json_fail(p, p->at, "':' is expected after a key");
    }
    p->at++;
    *state = JSON_VALUE;
    return failed;
}

static int json_take_next(struct json_parser *p, enum json_state *state)
{
    bool object = json_innermost(p) == '{';
    int c = json_peek(p);
    if (c == (object ? '}' : ']')) {
        return json_close(p, state);
    }
    if (c != ',') {
        return json_fail(p, p->at,
                         object ? "',' or '}' is expected" : "',' or ']' is expected");
    }
    p->at++;
    *state = object ? JSON_KEY : JSON_VALUE;
    return 0;
}

static int json_step(struct json_parser *p, enum json_state *state)
{
    int c = json_peek(p);
    switch (*state) {
    case JSON_VALUE_OR_CLOSE:
        return c == ']' ? json_close(p, state) : json_take_value(p, state);
    case JSON_KEY_OR_CLOSE:
        return c == '}' ? json_close(p, state) : json_take_key(p, state);
    case JSON_KEY:
        return json_take_key(p, state);
    case JSON_NEXT:
        return json_take_next(p, state);
    default:
        return json_take_value(p, state);
    }
}

int json_text_parse(pb_span text, const struct json_sink *sink, size_t *used,
                    pb_error *err)
{
    struct json_parser p = {.in = text, .sink = sink, .err = err};
    enum json_state state = JSON_VALUE;
    int failed = 0;
    json_skip_space(&p);
    while (!failed && state != JSON_END) {
        if (p.at >= text.len) {
            failed = json_fail(&p, text.len, "the text ends before the value does");
            break;
        }
        failed = json_step(&p, &state);
        json_skip_space(&p);
    }
    *used = p.at;
    pb__buf_fini(&p.open);
    pb__buf_fini(&p.string);
    return failed;
}
