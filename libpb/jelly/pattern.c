/* SPDX-License-Identifier: MIT
 *
 * Patterns with PCRE2. The cost of a match is limited, so that a peer cannot make a
 * pattern expensive by the name that it sends. */
#include "libpb/jelly/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"

#define NAME_MOST ((size_t)1024) /* longer names never match */
#define MATCH_LIMIT 10000
#define DEPTH_LIMIT 1000
#define HEAP_LIMIT 256 /* KiB */

struct pb__pattern {
    struct pb__pattern *next;
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
};

void pb__pattern_free(struct pb__pattern *list)
{
    while (list) {
        struct pb__pattern *p = list;
        list = p->next;
        pcre2_match_context_free(p->limits);
        pcre2_match_data_free(p->match);
        pcre2_code_free(p->code);
        pb__free(p);
    }
}

static void *take_memory(size_t size, void *data)
{
    (void)data;
    return pb__malloc(size);
}

static void give_memory(void *p, void *data)
{
    (void)data;
    pb__free(p);
}

/* Reports PCRE2's reason for refusing a pattern. */
static int refuse_pattern(pb_error *err, int code, size_t offset)
{
    if (code == PCRE2_ERROR_HEAP_FAILED) {
        return pb__error_nomem(err);
    }
    PCRE2_UCHAR text[120];
    pcre2_get_error_message(code, text, sizeof text);
    return pb__error_set(err, PB_ERR_SYNTAX, offset, "bad pattern: %s", (char *)text);
}

static int pattern_make(struct pb__pattern *p, const char *pattern,
                        pcre2_general_context *memory, pb_error *err)
{
    pcre2_compile_context *context = pcre2_compile_context_create(memory);
    if (!context) {
        return pb__error_nomem(err);
    }
    int code;
    size_t offset;
    p->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                            PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_UTF, &code,
                            &offset, context);
    pcre2_compile_context_free(context);
    if (!p->code) {
        return refuse_pattern(err, code, offset);
    }
    p->match = pcre2_match_data_create(1, memory);
    p->limits = pcre2_match_context_create(memory);
    if (!p->match || !p->limits) {
        return pb__error_nomem(err);
    }
    pcre2_set_match_limit(p->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(p->limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(p->limits, HEAP_LIMIT);
    return 0;
}

int pb__pattern_add(struct pb__pattern **list, const char *text, pb_error *err)
{
    pcre2_general_context *memory =
        pcre2_general_context_create(take_memory, give_memory, NULL);
    struct pb__pattern *p = memory ? pb__calloc(1, sizeof *p) : NULL;
    int e = p ? pattern_make(p, text, memory, err) : pb__error_nomem(err);
    pcre2_general_context_free(memory);
    if (e) {
        pb__pattern_free(p);
        return e;
    }
    p->next = *list;
    *list = p;
    return 0;
}

bool pb__pattern_matches(const struct pb__pattern *list, pb_span name)
{
    bool found = false;
    for (const struct pb__pattern *p = list; p && !found; p = p->next) {
        found = name.len <= NAME_MOST &&
                pcre2_match(p->code, name.data, name.len, 0, 0, p->match, p->limits) >= 0;
    }
    return found;
}
