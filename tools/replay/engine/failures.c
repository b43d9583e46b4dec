/* SPDX-License-Identifier: MIT
 *
 * Reads the failures in messages. */
#include <string.h>

#include "tools/replay/engine/player.h"

pb_value *failure_state(const struct scenario_message *m)
{
    pb_value *v = scenario_is(m, "error") ? scenario_member(m, ANSWER_VALUE) : NULL;
    bool is = v && pb_value_kind(v) == PB_INSTANCE &&
              strcmp(pb_name_of(v), COPYABLE_FAILURE) == 0;
    return is ? pb_instance_state(v) : NULL;
}

const char *failure_text(const pb_value *state, const char *member)
{
    pb_span text;
    const pb_value *v = state ? pb_dict_get(state, member) : NULL;
    return v && pb_as_text(v, &text) == 0 ? (const char *)text.data : "";
}

const char *failure_type(const struct scenario_message *m)
{
    return failure_text(failure_state(m), "type");
}

bool is_builtin_exception(const char *type)
{
    static const char *const modules[] = {"builtins.", "exceptions.", "__builtin__."};
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
        if (strncmp(type, modules[i], strlen(modules[i])) == 0) {
            return true;
        }
    }
    return false;
}

bool is_attribute_error(const char *type)
{
    return is_builtin_exception(type) &&
           strcmp(strrchr(type, '.'), ".AttributeError") == 0;
}
