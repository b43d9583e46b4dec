/* SPDX-License-Identifier: MIT
 *
 * Prints values in the form that was asked for. */
#include "tools/json/answer_text.h"

#include <stdio.h>
#include <string.h>

#include "compat/repr.h"
#include "tools/common/command.h"
#include "tools/json/json.h"
#include "tools/json/json_text.h"
#include "tools/json/plain.h"

int answer_form_parse(const char *text, enum answer_form *out)
{
    if (!text || strcmp(text, "plain") == 0) {
        *out = ANSWER_PLAIN;
    } else if (strcmp(text, "typed") == 0) {
        *out = ANSWER_TYPED;
    } else {
        tool_error("--json=%s: plain or typed is needed", text);
        return TOOL_USAGE;
    }
    return TOOL_DONE;
}

static int answer_append_repr(struct pb__buf *out, const pb_value *v)
{
    char *text = pb_value_repr(v);
    /* A repr has names of the peer in it. */
    int failed = text ? pb__repr_printable(out, (const uint8_t *)text, strlen(text))
                      : PB_ERR_NOMEM;
    pb_free(text);
    return failed;
}

static int answer_append_typed(struct pb__buf *out, const pb_value *v)
{
    json_t *j = value_to_json(v);
    int failed = json_tree_append(out, j, false);
    json_tree_free(j);
    return failed;
}

int answer_print(const pb_value *v, enum answer_form form, pb_profile profile)
{
    struct pb__buf out = {0};
    pb_error err = {0};
    int failed = form == ANSWER_REPR ? answer_append_repr(&out, v)
                 : form == ANSWER_TYPED
                     ? answer_append_typed(&out, v)
                     : value_append_plain_json(&out, v, profile.python_major == 2, &err);
    int status = TOOL_DONE;
    if (failed == PB_ERR_TYPE) {
        tool_error("the answer cannot be plain JSON: %s%s%s", err.text,
                   *err.where ? " at " : "", err.where);
        tool_hint("as lossless JSON: --json=typed");
        status = TOOL_FAILED;
    } else if (failed) {
        status = tool_nomem();
    } else {
        fwrite(out.data, 1, out.len, stdout);
        putchar('\n');
    }
    pb__buf_fini(&out);
    return tool_flush_output(status);
}
