/* SPDX-License-Identifier: MIT
 *
 * How expressions begin: determines the head, and asks the taster or the broker whether
 * it is allowed. Mirrors the first half of _Unjellier.unjelly. */
#include <string.h>

#include "compat/profile.h"
#include "compat/repr.h"
#include "libpb/jelly/read.h"

#define SHOWN 80 /* bytes of a name that an error shows */

const struct pb__head_row pb__head_rows[PB__HEADS] = {
#define HEAD_ROW(name, text, shape, members, least, word, end) \
    [PB__HEAD_##name] = {text, sizeof text - 1, least, members},
    PB__HEAD_MAP(HEAD_ROW)
#undef HEAD_ROW
        [PB__HEAD_NAMED] = {.least = 1, .members = "e"},
};

const uint8_t pb__head_shapes[PB__HEADS] = {
#define HEAD_SHAPE(name, text, shape, ...) [PB__HEAD_##name] = PB__SHAPE_##shape,
    PB__HEAD_MAP(HEAD_SHAPE)
#undef HEAD_SHAPE
        [PB__HEAD_NAMED] = PB__SHAPE_MEMBERS,
    [PB__HEAD_BROKER] = PB__SHAPE_MEMBERS,
    [PB__HEAD_BROKER_ALL] = PB__SHAPE_MEMBERS,
};

const uint8_t pb__head_of_word[PB__WORD_END] = {
#define HEAD_NO_WORD(name)
#define HEAD_WORD(name) [PB__WORD_##name] = PB__HEAD_##name,
#define HEAD_OF_WORD(name, text, shape, members, least, word, end) HEAD_##word(name)
    PB__HEAD_MAP(HEAD_OF_WORD)
#undef HEAD_OF_WORD
#undef HEAD_WORD
#undef HEAD_NO_WORD
};

void pb__read_taste(struct pb__reader *r)
{
    for (unsigned head = PB__HEAD_OTHER + 1; head < PB__HEAD_NAMED; head++) {
        const struct pb__head_row *row = &pb__head_rows[head];
        pb_span name = {(const uint8_t *)row->text, row->len};
        bool allowed = pb_taster_type_allowed(r->config.jelly->taster, name);
        r->allowed |= (uint32_t)allowed << head;
    }
    r->tasted = true;
}

static enum pb__head find_head(pb_span s)
{
    unsigned head = PB__HEAD_OTHER + 1;
    while (head < PB__HEAD_NAMED &&
           (pb__head_rows[head].len != s.len ||
            memcmp(pb__head_rows[head].text, s.data, s.len) != 0)) {
        head++;
    }
    return head < PB__HEAD_NAMED ? (enum pb__head)head : PB__HEAD_OTHER;
}

static void begin_members(struct pb__reader *r, enum pb__head head)
{
    struct pb__frame *f = r->top;
    *f = (struct pb__frame){
        .shape = PB__SHAPE_MEMBERS, .head = (uint8_t)head, .n = f->n - 1};
}

/* The text is that of Twisted, because callers in this program see it. */
static int refuse_type(struct pb__reader *r, pb_span s)
{
    struct pb__buf text = {0};
    size_t bad;
    bool plain = r->python2 && s.len > 0 && !memchr(s.data, '\0', s.len) &&
                 pb__utf8_check(s.data, s.len, &bad);
    int e = plain ? pb__buf_append(&text, s.data, s.len)
                  : pb__repr_text(&text, true, s.data, s.len);
    e = e ? e : pb__buf_append(&text, "", 1);
    e = e ? pb__read_refuse_nomem(r, 0)
          : pb__read_refuse(r, 0, PB_ERR_INSECURE, "%.*s", SHOWN,
                            (const char *)text.data);
    pb__buf_fini(&text);
    return e;
}

/* The length of the module in a dotted name: up to the last dot; 0 without a dot. */
static size_t module_of(pb_span name)
{
    size_t len = name.len;
    while (len > 0 && name.data[len - 1] != '.') {
        len--;
    }
    return len > 0 ? len - 1 : 0;
}

static bool is_ascii(pb_span s)
{
    uint8_t all = 0;
    for (size_t i = 0; i < s.len; i++) {
        all |= s.data[i];
    }
    return all < 0x80;
}

/* Returns whether pb.py registers the head. Without a broker it cannot be read. */
static bool needs_broker(pb_span s)
{
    unsigned word = pb__vocab_find(s.data, s.len);
    return word == PB__WORD_REMOTE || word == PB__WORD_LOCAL || word == PB__WORD_CACHED ||
           word == PB__WORD_LCACHE;
}

/* Begins an expression whose head is the name of a class. */
static int begin_named(struct pb__reader *r, pb_span s)
{
    const pb_taster *taster = r->config.jelly->taster;
    int shown = !is_ascii(s) ? 0 : s.len < SHOWN ? (int)s.len : SHOWN;
    if (needs_broker(s)) {
        return pb__read_refuse(r, 0, PB_ERR_SYNTAX, "'%.*s' can only be read by a broker",
                               shown, (const char *)s.data);
    }
    if (!pb_taster_type_allowed(taster, s)) {
        return refuse_type(r, s);
    }
    /* Twisted before Python 3 support did not decode names. */
    if (!is_ascii(s) &&
        !pb__profile_has(r->config.jelly->profile, PB__PROFILE_HEAD_TYPE_ERROR)) {
        return pb__read_refuse(r, 0, PB_ERR_SYNTAX, "the name of a type is not ASCII");
    }
    size_t module = module_of(s);
    if (!pb_taster_module_allowed(taster, (pb_span){s.data, module})) {
        return pb__read_refuse(r, 0, PB_ERR_INSECURE,
                               "Module %.*s not allowed (in type %.*s).",
                               module < (size_t)shown ? (int)module : shown,
                               (const char *)s.data, shown, (const char *)s.data);
    }
    if (module == 0) {
        return pb__read_refuse(r, 0, PB_ERR_SYNTAX, "'%.*s' is not a type of jelly",
                               shown, (const char *)s.data);
    }
    if (!pb_taster_class_allowed(taster, s)) {
        return pb__read_refuse(r, 0, PB_ERR_INSECURE, "Class %.*s not allowed.", shown,
                               (const char *)s.data);
    }
    if (!is_ascii(s)) {
        return pb__read_refuse(r, 0, PB_ERR_SYNTAX, "the name of a type is not ASCII");
    }
    begin_members(r, PB__HEAD_NAMED);
    r->top->v[1] = (pb_value *)pb__text_new(r->pool, PB_STR, s.data, s.len);
    return r->top->v[1] ? 0 : pb__read_refuse_nomem(r, 0);
}

/* A head that belongs to the invoker. */
static int begin_broker(struct pb__reader *r, pb_span s, enum pb__known known)
{
    bool all = known == PB__KNOWN_MEMBERS;
    begin_members(r, all ? PB__HEAD_BROKER_ALL : PB__HEAD_BROKER);
    r->top->v[2] = (pb_value *)pb__text_new(r->pool, PB_BYTES, s.data, s.len);
    r->top->v[1] = all ? (pb_value *)pb__seq_new(r->pool, PB_LIST, 0) : NULL;
    return r->top->v[2] && (r->top->v[1] || !all) ? 0 : pb__read_refuse_nomem(r, 0);
}

enum pb__head pb__read_head(struct pb__reader *r, pb_span s, int *result)
{
    const struct pb__invoker *invoker = r->config.invoker;
    enum pb__head head = find_head(s);
    bool ask = head == PB__HEAD_OTHER || head == PB__HEAD_UNPERSISTABLE;
    enum pb__known known = ask && invoker ? invoker->knows(s, invoker->ctx) : PB__UNKNOWN;
    *result = 0;
    /* An invoker may handle one of jelly's own words: "unpersistable", because jelly
     * loses information when it reads that. */
    if (known != PB__UNKNOWN) {
        head = PB__HEAD_OTHER;
    }
    if (head != PB__HEAD_OTHER) {
        if (!(r->allowed >> head & 1)) {
            *result = refuse_type(r, s);
        } else if (pb__head_shapes[head] != PB__SHAPE_MEMBERS) {
            return head;
        } else {
            begin_members(r, head);
        }
    } else if (known != PB__UNKNOWN) {
        *result = begin_broker(r, s, known);
    } else {
        *result = begin_named(r, s);
    }
    return PB__HEAD_OTHER;
}
