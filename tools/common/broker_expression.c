/* SPDX-License-Identifier: MIT
 *
 * The value that holds an expression, and the invokers by which jelly reads and writes
 * it. */
#include "tools/common/broker_expression.h"

#include <stdio.h>

#include "libpb/base/error.h"
#include "libpb/base/span.h"

static const char unpersistable[] = "unpersistable";

struct kept_expression {
    struct pb__local local;
    struct pb__form form;
    char owner[2];  /* the letter of the side whose number the id is; empty: not known */
    uint8_t head[]; /* the memory of form.head */
};

static void kept_expression_destroy(struct pb__foreign *f)
{
    struct kept_expression *k = (struct kept_expression *)f;
    pb_value_unref(k->form.id);
    pb_value_unref(k->form.state);
    pb__free(k);
}

static bool kept_expression_equal(const struct pb__foreign *a,
                                  const struct pb__foreign *b)
{
    return a == b;
}

static uint64_t kept_expression_hash(const struct pb__foreign *f)
{
    return (uint64_t)(uintptr_t)f >> 4;
}

static int kept_expression_repr(const struct pb__foreign *f, char *out, size_t size)
{
    const struct kept_expression *k = (const struct kept_expression *)f;
    const struct pb__form *form = &k->form;
    char *id = form->id ? pb_value_repr(form->id) : NULL;
    bool remote = pb__span_is(form->head, "remote");
    int len = snprintf(out, size, "<%.*s%s%s%s%s>", remote ? 3 : (int)form->head.len,
                       remote ? "ref" : (const char *)form->head.data, id ? " " : "",
                       id ? k->owner : "", id ? id : "", form->state ? " ..." : "");
    pb_free(id);
    return len;
}

static const struct pb__foreign_ops kept_expression_ops = {.destroy =
                                                               kept_expression_destroy,
                                                           .equal = kept_expression_equal,
                                                           .hash = kept_expression_hash,
                                                           .repr = kept_expression_repr};

const struct pb__form *broker_expression_of(const pb_value *v)
{
    if (!v || pb_value_kind(v) != PB_OBJECT ||
        ((const struct pb__foreign *)v)->ops != &kept_expression_ops) {
        return NULL;
    }
    return &((const struct kept_expression *)v)->form;
}

bool broker_expression_is(const pb_value *v, const char *head, pb_value **id)
{
    const struct pb__form *form = broker_expression_of(v);
    if (!form || !form->id || form->state || !pb__span_is(form->head, head)) {
        return false;
    }
    *id = form->id;
    return true;
}

pb_value *broker_expression_state(const pb_value *v, pb_span *name)
{
    const struct pb__form *form = broker_expression_of(v);
    if (form) {
        *name = form->head;
        return form->id ? NULL : form->state;
    }
    if (pb_value_kind(v) != PB_INSTANCE) {
        return NULL;
    }
    const char *text = pb_name_of(v);
    *name = (pb_span){(const uint8_t *)text, strlen(text)};
    return pb_instance_state(v);
}

static int broker_expression_jelly(pb_value *v, struct pb__form *form, pb_error *err,
                                   void *ctx)
{
    (void)ctx;
    const struct pb__form *kept = broker_expression_of(v);
    if (!kept) {
        return pb__error_set(err, PB_ERR_TYPE, 0,
                             "a reference that was not read from a capture");
    }
    *form = *kept;
    pb_value_ref(form->id);
    pb_value_ref(form->state);
    return 0;
}

static bool is_word_among(pb_span head, const char *const *words)
{
    while (*words && !pb__span_is(head, *words)) {
        words++;
    }
    return *words != NULL;
}

static enum pb__known knows_broker_words(pb_span head, void *ctx)
{
    static const char *const words[] = {"remote", "local", "cached", "lcache", NULL};
    (void)ctx;
    return is_word_among(head, words) ? PB__KNOWN_FORM : PB__UNKNOWN;
}

static enum pb__known knows_all_words(pb_span head, void *ctx)
{
    /* The methods _unjelly_... of twisted.spread.jelly, but for "unpersistable". */
    static const char *const jelly[] = {
        "None",     "unicode", "decimal",    "boolean",     "datetime",  "date",
        "time",     "list",    "timedelta",  "dereference", "reference", "tuple",
        "set",      "module",  "frozenset",  "dictionary",  "class",     "function",
        "instance", "method",  "persistent", NULL};
    (void)ctx;
    return is_word_among(head, jelly) ? PB__UNKNOWN : PB__KNOWN_FORM;
}

/* A copy without members stays an expression, because an instance without members is
 * written in another way; so does one whose name cannot be a C string. */
static bool is_copy_expression(const struct pb__form *form)
{
    return form->state && !form->id && !memchr(form->head.data, 0, form->head.len) &&
           !(pb_value_kind(form->state) == PB_DICT && pb_len(form->state) == 0);
}

static pb_value *copy_from_expression(const struct pb__form *form, pb_error *err)
{
    pb_value *name = pb_strn(form->head, err), *copy = NULL;
    pb_span text;
    if (name && pb_as_text(name, &text) == 0) {
        copy = pb_instance((const char *)text.data, form->state);
        if (!copy) {
            pb__error_nomem(err);
        }
    }
    pb_value_unref(name);
    return copy;
}

/* The side whose object an expression names: "local" and "lcache" lead home. */
static char expression_owner(const struct pb__form *form,
                             const struct broker_expression_observer *watch)
{
    bool home = pb__span_is(form->head, "local") || pb__span_is(form->head, "lcache");
    bool text = form->id && pb_value_kind(form->id) != PB_INT;
    return !watch || text ? '\0' : home ? watch->receiver : watch->sender;
}

static pb_value *keep_expression(const struct pb__form *form,
                                 const struct broker_expression_observer *watch,
                                 pb_error *err)
{
    struct kept_expression *k =
        pb__local_new(sizeof *k + form->head.len, &kept_expression_ops, NULL);
    if (!k) {
        pb__error_nomem(err);
        return NULL;
    }
    memcpy(k->head, form->head.data, form->head.len);
    k->owner[0] = expression_owner(form, watch);
    k->owner[1] = '\0';
    k->form = (struct pb__form){.head = {k->head, form->head.len},
                                .id = pb_value_ref(form->id),
                                .state = pb_value_ref(form->state),
                                .shared = form->state ||
                                          pb__span_is(form->head, unpersistable)};
    return &k->local.foreign.node.head;
}

static int broker_expression_unjelly(const struct pb__form *form, pb_value **out,
                                     pb_error *err, void *ctx)
{
    const struct broker_expression_observer *watch = ctx;
    if (watch && watch->seen(form, watch->ctx) != 0) {
        return pb__error_nomem(err);
    }
    pb_error why = {0};
    *out = is_copy_expression(form) ? copy_from_expression(form, &why)
                                    : keep_expression(form, watch, &why);
    return *out ? 0 : pb__error_set(err, why.code, 0, "%s", why.text);
}

const struct pb__invoker broker_expression_keep_all = {
    broker_expression_jelly, knows_all_words, broker_expression_unjelly, NULL};
const struct pb__invoker broker_expression_keep_known = {
    broker_expression_jelly, knows_broker_words, broker_expression_unjelly, NULL};
