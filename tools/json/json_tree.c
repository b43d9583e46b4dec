/* SPDX-License-Identifier: MIT
 *
 * Trees of jansson's: built from text, freed and written without recursion. */
#include <inttypes.h>
#include <stdlib.h>

#include "compat/repr.h"
#include "libpb/base/error.h"
#include "tools/json/json_text.h"

/* ---- Building ---- */

struct tree_builder {
    json_t *result;
    struct pb__buf open; /* json_t *: the open containers, borrowed from the result */
    struct pb__buf key;  /* of the value that follows, with its NUL */
    pb_error *err;
};

static json_t *builder_top(const struct tree_builder *b)
{
    return b->open.len ? ((json_t **)(void *)(b->open.data + b->open.len))[-1] : NULL;
}

static int builder_put_new(struct tree_builder *b, json_t *j)
{
    json_t *top = builder_top(b);
    int failed = !j;
    if (!failed && !top) {
        b->result = j;
    } else if (!failed && json_is_array(top)) {
        failed = json_array_append_new(top, j);
    } else if (!failed) {
        failed = json_object_set_new(top, (const char *)b->key.data, j);
    }
    return failed ? pb__error_nomem(b->err) : 0;
}

static int builder_begin(bool object, void *ctx)
{
    struct tree_builder *b = ctx;
    json_t *j = object ? json_object() : json_array();
    int failed = builder_put_new(b, j);
    return failed                                        ? failed
           : pb__buf_append(&b->open, &j, sizeof j) != 0 ? pb__error_nomem(b->err)
                                                         : 0;
}

static int builder_end(void *ctx)
{
    ((struct tree_builder *)ctx)->open.len -= sizeof(json_t *);
    return 0;
}

static int builder_key(pb_span text, void *ctx)
{
    struct tree_builder *b = ctx;
    b->key.len = 0;
    if (memchr(text.data, '\0', text.len)) {
        return pb__error_set(b->err, PB_ERR_SYNTAX, 0, "a key with a NUL");
    }
    if (pb__buf_append(&b->key, text.data, text.len) != 0 ||
        pb__buf_append(&b->key, "", 1) != 0) {
        return pb__error_nomem(b->err);
    }
    return json_object_get(builder_top(b), (const char *)b->key.data)
               ? pb__error_set(b->err, PB_ERR_SYNTAX, 0, "a key stands twice")
               : 0;
}

static int builder_string(pb_span text, void *ctx)
{
    return builder_put_new(ctx, json_stringn((const char *)text.data, text.len));
}

/* The notation has numbers only where they are small. */
static int builder_number(pb_span text, bool integer, void *ctx)
{
    struct tree_builder *b = ctx;
    char digits[32];
    if (text.len >= sizeof digits) {
        return pb__error_set(b->err, PB_ERR_SYNTAX, 0, "a number that is too long");
    }
    memcpy(digits, text.data, text.len);
    digits[text.len] = '\0';
    return builder_put_new(b, integer ? json_integer(strtoll(digits, NULL, 10))
                                      : json_real(strtod(digits, NULL)));
}

static int builder_constant(char first, void *ctx)
{
    return builder_put_new(ctx, first == 'n' ? json_null() : json_boolean(first == 't'));
}

json_t *json_tree_parse(pb_span text, size_t *used, pb_error *err)
{
    struct tree_builder b = {.err = err};
    const struct json_sink sink = {
        builder_begin,  builder_end,      builder_key, builder_string,
        builder_number, builder_constant, &b};
    if (json_text_parse(text, &sink, used, err) != 0) {
        json_tree_free(b.result);
        b.result = NULL;
    }
    pb__buf_fini(&b.open);
    pb__buf_fini(&b.key);
    return b.result;
}

/* ---- Freeing ---- */

/* Moves the members of a container to the stack, which owns them then. */
static int tree_take_members(struct pb__buf *stack, json_t *j)
{
    size_t i;
    const char *key;
    json_t *member;
    size_t count = json_array_size(j) + json_object_size(j);
    if (pb__buf_reserve(stack, count * sizeof member) != 0) {
        return PB_ERR_NOMEM;
    }
    json_array_foreach(j, i, member)
    {
        json_incref(member);
        (void)pb__buf_append(stack, &member, sizeof member);
    }
    json_object_foreach(j, key, member)
    {
        json_incref(member);
        (void)pb__buf_append(stack, &member, sizeof member);
    }
    json_is_array(j) ? json_array_clear(j) : json_object_clear(j);
    return 0;
}

void json_tree_free(json_t *j)
{
    struct pb__buf stack = {0};
    while (j) {
        /* Without memory for the stack, jansson frees it, by recursion. */
        if (json_is_array(j) || json_is_object(j)) {
            (void)tree_take_members(&stack, j);
        }
        json_decref(j);
        j = NULL;
        if (stack.len) {
            stack.len -= sizeof j;
            memcpy(&j, stack.data + stack.len, sizeof j);
        }
    }
    pb__buf_fini(&stack);
}

/* ---- Writing ---- */

static int append_unicode(struct pb__buf *out, uint32_t code)
{
    if (code > 0xffff) {
        code -= 0x10000;
        return pb__buf_printf(out, "\\u%04x\\u%04x", 0xd800 + (code >> 10),
                              0xdc00 + (code & 0x3ff));
    }
    return pb__buf_printf(out, "\\u%04x", code);
}

/* The code point at s, and its length; s is UTF-8. */
static uint32_t code_point(const uint8_t *s, size_t *len)
{
    *len = *s < 0x80 ? 1 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4;
    uint32_t code = *len == 1 ? *s : *s & (0xffu >> (*len + 1));
    for (size_t i = 1; i < *len; i++) {
        code = code << 6 | (s[i] & 63u);
    }
    return code;
}

static int append_character(struct pb__buf *out, const uint8_t *s, size_t *len)
{
    static const char controls[] = "\b\f\n\r\t", letters[] = "bfnrt";
    uint32_t code = code_point(s, len);
    const char *control = code && code < 0x20 ? strchr(controls, (int)code) : NULL;
    size_t before = out->len;
    if (control) {
        return pb__buf_printf(out, "\\%c", letters[control - controls]);
    }
    if (code == '"' || code == '\\') {
        return pb__buf_printf(out, "\\%c", (int)code);
    }
    int failed = pb__repr_printable(out, s, *len);
    bool escaped = !failed && (out->len - before != *len ||
                               memcmp(out->data + before, s, *len) != 0);
    if (escaped) {
        out->len = before;
        failed = append_unicode(out, code);
    }
    return failed;
}

int json_append_string(struct pb__buf *out, pb_span text)
{
    int failed = pb__buf_puts(out, "\"");
    for (size_t i = 0, len; i < text.len && !failed; i += len) {
        failed = append_character(out, text.data + i, &len);
    }
    return failed ? failed : pb__buf_puts(out, "\"");
}

/* A container that is being written. */
struct tree_level {
    const json_t *container;
    const char **keys; /* of an object; owned */
    size_t at, count;
};

static int key_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int level_push(struct pb__buf *stack, const json_t *j, bool sorted)
{
    struct tree_level l = {.container = j,
                           .count = json_array_size(j) + json_object_size(j)};
    if (json_is_object(j) && l.count) {
        l.keys = pb__calloc(l.count, sizeof *l.keys);
        const char *key;
        json_t *member;
        size_t i = 0;
        json_object_foreach((json_t *)(uintptr_t)j, key, member)
        {
            if (l.keys) {
                l.keys[i++] = key;
            }
        }
        if (l.keys && sorted) {
            qsort(l.keys, l.count, sizeof *l.keys, key_compare);
        }
    }
    if ((json_is_object(j) && l.count && !l.keys) ||
        pb__buf_append(stack, &l, sizeof l) != 0) {
        pb__free(l.keys);
        return PB_ERR_NOMEM;
    }
    return 0;
}

static int append_scalar(struct pb__buf *out, const json_t *j)
{
    char *text;
    int failed;
    switch (json_typeof(j)) {
    case JSON_STRING:
        return json_append_string(
            out, (pb_span){(const uint8_t *)json_string_value(j), json_string_length(j)});
    case JSON_INTEGER:
        return pb__buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(j));
    case JSON_NULL:
        return pb__buf_puts(out, "null");
    case JSON_REAL:
        text = json_dumps(j, JSON_ENCODE_ANY);
        failed = text ? pb__buf_puts(out, text) : PB_ERR_NOMEM;
        free(text);
        return failed;
    default:
        return pb__buf_puts(out, json_is_true(j) ? "true" : "false");
    }
}

/* Appends a scalar, or opens a container. */
static int tree_append_value(struct pb__buf *out, struct pb__buf *stack, const json_t *j,
                             bool sorted)
{
    if (!json_is_array(j) && !json_is_object(j)) {
        return append_scalar(out, j);
    }
    int failed = pb__buf_puts(out, json_is_array(j) ? "[" : "{");
    return failed ? failed : level_push(stack, j, sorted);
}

/* Appends the next member of the innermost container, or closes it. */
static int tree_append_next(struct pb__buf *out, struct pb__buf *stack, bool sorted)
{
    struct tree_level *l = (struct tree_level *)(void *)(stack->data + stack->len) - 1;
    bool object = json_is_object(l->container);
    if (l->at == l->count) {
        pb__free(l->keys);
        stack->len -= sizeof *l;
        return pb__buf_puts(out, object ? "}" : "]");
    }
    size_t i = l->at++;
    int failed = i ? pb__buf_puts(out, ", ") : 0;
    const json_t *member = object ? json_object_get(l->container, l->keys[i])
                                  : json_array_get(l->container, i);
    if (object && !failed) {
        failed = json_append_string(out, pb_span_of(l->keys[i]));
        failed = failed ? failed : pb__buf_puts(out, ": ");
    }
    return failed ? failed : tree_append_value(out, stack, member, sorted);
}

int json_tree_append(struct pb__buf *out, const json_t *j, bool sorted)
{
    struct pb__buf stack = {0};
    int failed = j ? tree_append_value(out, &stack, j, sorted) : PB_ERR_NOMEM;
    while (!failed && stack.len) {
        failed = tree_append_next(out, &stack, sorted);
    }
    for (; stack.len; stack.len -= sizeof(struct tree_level)) {
        pb__free(((struct tree_level *)(void *)(stack.data + stack.len) - 1)->keys);
    }
    pb__buf_fini(&stack);
    return failed;
}
