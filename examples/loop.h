/* SPDX-License-Identifier: MIT
 *
 * The part that the examples of event loops share: ask the root of a one_two
 * server for a Two, call it, say how that ended, and close the session. */
#ifndef EXAMPLES_LOOP_H
#define EXAMPLES_LOOP_H

#include <pb/pb.h>
#include <stdio.h>

static bool loop_failed; /* a call has */

static inline void on_three(pb_value *result, pb_failure *failure, void *user_data)
{
    char *text = pb_value_repr(result);
    printf("three(12) answered %s\n", text ? text : pb_failure_text(failure));
    pb_free(text);
    loop_failed = !result;
    pb_session_close(user_data);
}

static inline void on_two(pb_value *result, pb_failure *failure, void *user_data)
{
    pb_error err = {0};
    if (pb_remote_call(pb_as_remote(result), "three", on_three, user_data, &err, "i",
                       12) != 0) {
        printf("getTwo() failed: %s\n", failure ? pb_failure_text(failure) : err.text);
        loop_failed = true;
        pb_session_close(user_data);
    }
}

/* Begins; the rest happens in the loop. */
static inline void ask(pb_session *s)
{
    pb_error err = {0};
    pb_remote *root = pb_session_root(s);
    if (pb_remote_call(root, "getTwo", on_two, s, &err, "") != 0) {
        printf("getTwo() failed: %s\n", err.text);
        loop_failed = true;
        pb_session_close(s);
    }
    pb_remote_unref(root);
}

/* Says why the connection has ended, unless that was asked for: the exit status. */
static inline int say_end(const pb_error *why)
{
    if (why->code) {
        fprintf(stderr, "%s\n", why->text);
    }
    return why->code || loop_failed ? 1 : 0;
}

#endif
