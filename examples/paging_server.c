/* SPDX-License-Identifier: MIT
 *
 * A server that sends a file in pages: fetch(collector) sends them to the collector of
 * paging_client.c or of Twisted's getAllPages(root, "fetch"). However large the file is,
 * and however slow the reader, it costs a page of memory. */
#include <pb/pb.h>
#include <stdio.h>

enum { PAGE = 65536 };

static void paged(const pb_error *why, void *user_data)
{
    fclose(user_data);
    puts(why->code ? why->text : "fetched");
    fflush(stdout);
}

static int do_fetch(void *self, pb_request *req)
{
    static const char *const names[] = {"collector", NULL};
    pb_value *collector;
    int failed = pb_request_unpack_keywords(req, "O", names, &collector);
    if (failed) {
        return failed;
    }
    FILE *file = fopen(self, "rb");
    if (!file) {
        return pb_request_fail(req, "builtins.OSError", "%s cannot be read",
                               (const char *)self);
    }
    failed = pb_page_file(pb_as_remote(collector), file, PAGE, paged, file, NULL);
    if (failed) {
        fclose(file);
    }
    return failed;
}

static const pb_method methods[] = {{"fetch", do_fetch}, {0}};
static const pb_class files_class = {.name = "Files", .remote = methods};

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s ENDPOINT FILE\n", argv[0]);
        return 2;
    }
    pb_error err = {0};
    pb_object *root = pb_object_new(&files_class, argv[2]);
    pb_net_config config = {.session.root = root};
    pb_server *server = root ? pb_serve(pb_loop_default(), argv[1], &config, &err) : NULL;
    if (server) {
        printf("listening on tcp:%d\n", pb_server_port(server));
        fflush(stdout);
        pb_run();
        pb_server_close(server, NULL, NULL);
        pb_run();
    } else {
        fprintf(stderr, "%s\n", err.text);
    }
    pb_object_unref(root);
    return server ? 0 : 1;
}
