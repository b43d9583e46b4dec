/* SPDX-License-Identifier: MIT
 *
 * The example of Twisted's Perspective Broker documentation: the root, One, hands out a
 * Two, and knows it again when it comes home. one_two_client.c is its client; Twisted's
 * own does as well. */
#include <pb/pb.h>
#include <stdio.h>

static int two_three(void *self, pb_request *req)
{
    (void)self;
    int arg;
    int e = pb_request_unpack(req, "i", &arg);
    if (e) {
        return e;
    }
    printf("Two.three was given %d\n", arg);
    return pb_request_answer_steal(req, pb_build(NULL, "[iii]", 1, 2, 3));
}

static const pb_class two_class = {
    .name = "Two",
    .remote = (const pb_method[]){{"three", two_three}, {0}},
};

static int one_get_two(void *self, pb_request *req)
{
    pb_object *two = self;
    printf("One.getTwo, handing out my two\n");
    return pb_request_answer_steal(req, pb_object_value(two));
}

static int one_check_two(void *self, pb_request *req)
{
    pb_object *two = self;
    pb_value *other;
    int e = pb_request_unpack(req, "O", &other);
    if (e) {
        return e;
    }
    bool same = pb_as_object(other) == two;
    printf("One.checkTwo, %s\n", same ? "it is my two" : "it is not my two");
    return pb_request_answer_steal(req, pb_bool(same));
}

static const pb_class one_class = {
    .name = "One",
    .remote =
        (const pb_method[]){{"getTwo", one_get_two}, {"checkTwo", one_check_two}, {0}},
};

int main(int argc, char **argv)
{
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "tcp:%s", argc > 1 ? argv[1] : "8800");
    setvbuf(stdout, NULL, _IOLBF, 0);

    pb_error err = {0};
    pb_object *two = pb_object_new(&two_class, NULL);
    pb_object *one = pb_object_new(&one_class, two);
    pb_net_config config = {.session.root = one};
    pb_server *server = pb_serve(pb_loop_default(), endpoint, &config, &err);
    if (server) {
        printf("listening on port %d\n", pb_server_port(server));
        pb_run(); /* until a signal comes */
        pb_server_close(server, NULL, NULL);
        pb_run(); /* until it is closed */
    } else {
        fprintf(stderr, "%s\n", err.text);
    }
    pb_object_unref(one);
    pb_object_unref(two);
    return server ? 0 : 1;
}
