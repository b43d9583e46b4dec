/* SPDX-License-Identifier: MIT
 *
 * A Firefly service: finds the target of a command, and answers as Firefly does. */
#include "examples/firefly.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

uint8_t firefly_python(int *argc, char ***argv)
{
    if (*argc < 2 || strcmp((*argv)[1], "--python3") != 0) {
        return 2;
    }
    --*argc;
    ++*argv;
    return 3;
}

pb_value *firefly_rest(pb_value *args, size_t from)
{
    pb_value *rest = pb_seq(PB_TUPLE, 0);
    for (size_t i = from; i < pb_len(args); i++) {
        pb_append(rest, pb_item(args, i));
    }
    return rest;
}

void firefly_print(const char *before, const pb_value *v)
{
    char *repr = pb_value_repr(v);
    printf("%s %s\n", before, repr ? repr : "?");
    pb_free(repr);
}

int firefly_answer_steal(pb_request *req, pb_value *result)
{
    pb_kind kind = result ? pb_value_kind(result) : PB_NONE;
    bool counted = kind >= PB_BYTES && kind <= PB_FROZENSET; /* what has a length */
    bool nothing = counted ? pb_len(result) == 0 : pb_value_equal(result, pb_int(0));
    if (result && nothing) {
        pb_value_unref(result);
        result = pb_none();
    }
    return pb_request_answer_steal(req, result);
}

int firefly_echo(void *self, pb_request *req, pb_value *args, pb_value *kwargs)
{
    (void)self;
    return firefly_answer_steal(req, pb_build(NULL, "[OO]", args, kwargs));
}

/* Whether a command, text or a number, is the one of that name. */
static bool is_command(const pb_value *command, const char *name)
{
    pb_span text;
    int64_t number;
    if (pb_as_int(command, &number) == 0) {
        char digits[24];
        snprintf(digits, sizeof digits, "%" PRId64, number);
        return strcmp(digits, name) == 0;
    }
    return pb_as_text(command, &text) == 0 && text.len == strlen(name) &&
           memcmp(text.data, name, text.len) == 0;
}

int firefly_call(const struct firefly_target *targets, void *self, pb_request *req)
{
    pb_value *command = pb_item(pb_request_args(req), 0);
    if (!command) {
        return pb_request_fail(req, "builtins.TypeError", "%s() wants a command",
                               pb_request_method(req));
    }
    const struct firefly_target *t = targets;
    while (t->command && !is_command(command, t->command)) {
        t++;
    }
    if (!t->command) {
        firefly_print("there is no command", command);
        return 0;
    }
    pb_value *args = firefly_rest(pb_request_args(req), 1);
    int e = t->call(self, req, args, pb_request_kwargs(req));
    pb_value_unref(args);
    return e;
}
