/* SPDX-License-Identifier: MIT
 *
 * The client of login_server.c, or of Twisted's: logs in and calls the avatar. */
#include <pb/pb.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    const char *endpoint = argc > 1 ? argv[1] : "tcp:localhost:8800";
    pb_credentials who = {.username = "alice", .password = argc > 2 ? argv[2] : "sesame"};

    pb_error err = {0};
    pb_client *client = pb_client_open(endpoint, NULL, &err);
    pb_remote *avatar = pb_client_login(client, &who, NULL, &err);
    pb_value *greeting = pb_client_call(client, avatar, "greet", &err, "");
    char *text = greeting ? pb_value_repr(greeting) : NULL;
    if (text) {
        puts(text);
    }
    if (err.code) {
        fprintf(stderr, "%s\n", err.text);
    }
    pb_free(text);
    pb_value_unref(greeting);
    pb_remote_unref(avatar);
    pb_client_free(client);
    return err.code ? 1 : 0;
}
