/* SPDX-License-Identifier: MIT
 *
 * A server that answers every call with a failure: failing_server ENDPOINT... prints
 * `failing` when it listens on all of them, and ends on a signal. tests/check-guides and
 * examples/check-examples run their clients against it. */
#include <pb/pb.h>
#include <stdio.h>

static int fail_call(void *self, pb_request *r)
{
    (void)self;
    return pb_request_fail(r, "twisted.spread.pb.Error", "%s fails here",
                           pb_request_method(r));
}

static const pb_class failing_class = {.name = "Failing", .fallback = fail_call};

int main(int argc, char **argv)
{
    pb_error err = {0};
    pb_object *root = pb_object_new(&failing_class, NULL);
    const pb_net_config config = {.session.root = root};
    pb_server *servers[16] = {NULL};
    int count = 0;
    while (count + 1 < argc && count < 16 && !err.code) {
        servers[count] = pb_serve(pb_loop_default(), argv[count + 1], &config, &err);
        count += servers[count] != NULL;
    }
    if (err.code || count == 0) {
        fprintf(stderr, "failing_server: %s\n", count ? err.text : "no endpoint");
    } else {
        puts("failing");
        fflush(stdout);
        pb_run();
    }
    for (int i = 0; i < count; i++) {
        pb_server_close(servers[i], NULL, NULL);
    }
    pb_run();
    pb_object_unref(root);
    return err.code || count == 0;
}
