/* SPDX-License-Identifier: MIT
 *
 * What the examples of event loops do besides having one: ask the root of a one_two server
 * for a Two, call it, say how that ended, and close the session. */
#ifndef EXAMPLES_LOOP_H
#define EXAMPLES_LOOP_H

#include <pb/pb.h>
#include <stdio.h>

static inline void on_three(pb_value *result, pb_failure *failure, void *user_data)
{
    char *text = result ? pb_value_repr(result) : NULL;
    printf("three(12) answered %s\n", text ? text : pb_failure_text(failure));
    pb_free(text);
    pb_session_close(user_data);
}

static inline void on_two(pb_value *result, pb_failure *failure, void *user_data)
{
    pb_remote *two = result ? pb_as_remote(result) : NULL;
    if (!two || pb_remote_call(two, "three", on_three, user_data, NULL, "i", 12) != 0) {
        printf("getTwo() failed: %s\n", failure ? pb_failure_text(failure) : "no Two");
        pb_session_close(user_data);
    }
}

/* Begins; the rest happens in the loop. */
static inline void ask(pb_session *s)
{
    pb_remote *root = pb_session_root(s);
    pb_remote_call(root, "getTwo", on_two, s, NULL, "");
    pb_remote_unref(root);
}

/* Says by what it ended, unless all went well: the exit status. */
static inline int say_end(const pb_error *why)
{
    if (why->code) {
        fprintf(stderr, "%s\n", why->text);
    }
    return why->code ? 1 : 0;
}

#endif
