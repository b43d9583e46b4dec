/* SPDX-License-Identifier: MIT
 *
 * The client of one_two_server.c, or of Twisted's: asks the root for a Two, calls it, and
 * sends it home. */
#include <pb/pb.h>
#include <stdio.h>

static void show(const char *what, const pb_value *answer)
{
    char *text = answer ? pb_value_repr(answer) : NULL;
    if (text) {
        printf("%s %s\n", what, text);
    }
    pb_free(text);
}

int main(int argc, char **argv)
{
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "tcp:localhost:%s", argc > 1 ? argv[1] : "8800");

    /* The first error stays in err, and what needs something that is NULL is not done. */
    pb_error err = {0};
    pb_client *client = pb_client_open(endpoint, NULL, &err);
    pb_remote *root = pb_client_root(client);
    pb_value *two = pb_client_call(client, root, "getTwo", &err, "");
    pb_value *three = pb_client_call(client, pb_as_remote(two), "three", &err, "i", 12);
    pb_value *same = pb_client_call(client, root, "checkTwo", &err, "O", two);

    show("getTwo() answered", two);
    show("three(12) answered", three);
    show("checkTwo(two) answered", same);
    if (err.code) {
        fprintf(stderr, "%s\n", err.text);
    }
    pb_value_unref(two);
    pb_value_unref(three);
    pb_value_unref(same);
    pb_client_free(client);
    return err.code ? 1 : 0;
}
