/* SPDX-License-Identifier: MIT
 *
 * Fetches the file of paging_server.c, or of a Twisted server with a method fetch that
 * pages to a collector, and writes it to standard output page by page. While that is
 * slow, nothing more is read, and the server has to wait. */
#include <pb/pb.h>
#include <stdio.h>

struct fetch {
    bool ended;
    pb_error why;
};

static int on_page(pb_value *page, pb_error *err, void *user_data)
{
    (void)err;
    pb_span bytes;
    (void)user_data;
    int failed = pb_as_bytes(page, &bytes);
    if (!failed && fwrite(bytes.data, 1, bytes.len, stdout) != bytes.len) {
        failed = PB_ERR_SYSTEM;
    }
    return failed;
}

static void on_end(const pb_error *why, void *user_data)
{
    struct fetch *fetch = user_data;
    fetch->ended = true;
    fetch->why = *why;
}

int main(int argc, char **argv)
{
    static const pb_collector_ops ops = {.page = on_page, .end = on_end};
    struct fetch fetch = {0};
    pb_error err = {0};
    pb_client *client =
        pb_client_open(argc > 1 ? argv[1] : "tcp:localhost:8800", NULL, &err);
    pb_object *collector = pb_collector_new(&ops, &fetch);
    pb_value *answer = pb_client_call(client, pb_client_root(client), "fetch", &err, "N",
                                      pb_object_value_steal(collector));
    while (answer && !fetch.ended && pb_client_wait(client, 1000) == 0) {
    }
    if (err.code || fetch.why.code) {
        fprintf(stderr, "%s\n", err.code ? err.text : fetch.why.text);
    }
    pb_value_unref(answer);
    pb_client_free(client);
    return err.code || fetch.why.code || fflush(stdout) != 0;
}
