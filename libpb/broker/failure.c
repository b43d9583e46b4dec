/* SPDX-License-Identifier: MIT
 *
 * Failures: what ended a call without a result, the peer's exception or an error of our
 * own. The peer's keeps the value that came, and its texts are those in it. */
#include <string.h>

#include "libpb/broker/session.h"

#define IMMORTAL UINT32_MAX /* refs of the spare ones */

struct pb_failure {
    uint32_t refs;
    int code;
    const char *type, *text, *traceback;
    pb_value *value;
    const pb_value *parents; /* a list in value, or NULL */
    char *printed;           /* text, where the value's had to be made */
};

/* What stands in where there is no memory for more. */
static pb_failure *spare(int code)
{
    static const pb_failure spares[] = {
#define SPARE(name, number, message) \
    {.refs = IMMORTAL, .code = PB_ERR_##name, .text = (message), .traceback = ""},
        PB_ERR_MAP(SPARE)
#undef SPARE
    };
    for (size_t i = 0; i < sizeof spares / sizeof *spares; i++) {
        if (spares[i].code == code) {
            return (pb_failure *)&spares[i];
        }
    }
    return (pb_failure *)&spares[0];
}

pb_failure *pb__failure_new(int code, const char *text)
{
    size_t size = strlen(text) + 1;
    pb_failure *f = pb__malloc(sizeof *f + size);
    if (!f) {
        return spare(code);
    }
    *f = (pb_failure){.refs = 1, .code = code, .traceback = ""};
    f->text = memcpy(f + 1, text, size);
    return f;
}

/* The text under a key of the state; NULL if it is none. */
static const char *text_at(const pb_value *state, const char *key)
{
    const pb_value *v = pb_dict_get(state, key);
    pb_span text;
    return v && pb_as_text(v, &text) == 0 ? (const char *)text.data : NULL;
}

/* Takes the state of a CopyableFailure apart. */
static void read_state(pb_failure *f, const pb_value *state)
{
    const char *type = text_at(state, "type");
    const char *traceback = text_at(state, "traceback");
    f->type = type ? type : "";
    f->text = text_at(state, "value");
    f->traceback = traceback ? traceback : "";
    f->parents = pb_dict_get(state, "parents");
}

pb_failure *pb__failure_received(pb_value *v)
{
    pb_failure *f = pb__malloc(sizeof *f);
    if (!f) {
        return spare(PB_ERR_NOMEM);
    }
    *f = (pb_failure){.refs = 1, .value = pb__ref(v), .traceback = ""};
    const pb_value *unprinted = v;
    const char *name = pb_name_of(v);
    if (name && strcmp(name, PB__COPYABLE_FAILURE) == 0) {
        const pb_value *state = pb_instance_state(v);
        read_state(f, state);
        unprinted = pb_dict_get(state, "value");
    } else {
        f->type = name ? name : pb_kind_name(pb__kind(v));
    }
    if (!f->text && unprinted) {
        f->printed = pb_value_repr(unprinted);
        f->text = f->printed;
    }
    if (!f->text) {
        f->text = "";
    }
    return f;
}

pb_failure *pb_failure_ref(pb_failure *f)
{
    if (f && f->refs != IMMORTAL) {
        f->refs++;
    }
    return f;
}

void pb_failure_unref(pb_failure *f)
{
    if (f && f->refs != IMMORTAL && --f->refs == 0) {
        pb_value_unref(f->value);
        pb__free(f->printed);
        pb__free(f);
    }
}

int pb_failure_code(const pb_failure *f)
{
    return f->code;
}

const char *pb_failure_type(const pb_failure *f)
{
    return f->type ? f->type : pb__exception_of(f->code);
}

const char *pb_failure_text(const pb_failure *f)
{
    return f->text;
}

const char *pb_failure_traceback(const pb_failure *f)
{
    return f->traceback;
}

bool pb_failure_check(const pb_failure *f, const char *type)
{
    if (f->code != PB_OK) {
        return pb__exception_is(pb_failure_type(f), type);
    }
    bool is = pb__exception_same(f->type, type);
    for (size_t i = 0; !is && f->parents && i < pb_len(f->parents); i++) {
        const pb_value *parent = pb_item(f->parents, i);
        pb_span name;
        is = parent && pb_as_text(parent, &name) == 0 &&
             pb__exception_same((const char *)name.data, type);
    }
    return is;
}

pb_value *pb_failure_value(const pb_failure *f)
{
    return f->value;
}
