/* SPDX-License-Identifier: MIT
 *
 * Values, as in Twisted's pbsimple. */
#include "interop-tests/live/pairs/pair.h"

/* ---- pbsimple ---- */

static int do_echo(void *self, pb_request *req)
{
    (void)self;
    const char *text;
    int e = pb_request_unpack(req, "s", &text);
    if (e) {
        return e;
    }
    printf("echoing: %s\n", text);
    return pb_request_answer_steal(req, pb_str(text));
}

static const pb_class echoer_class = {
    .name = "Echoer",
    .remote = (const pb_method[]){{"echo", do_echo}, {0}},
};

static void serve_pbsimple(pb_net_config *config)
{
    config->session.root = pb_object_new(&echoer_class, NULL);
}

static void pbsimple(struct talk *t)
{
    tell(t, "echo",
         pb_client_call(t->client, t->root, &t->err, "echo", "s", "hello network"));
}

const struct pair pairs_simple[] = {
    {"pbsimple", serve_pbsimple, pbsimple, NULL},
    {0},
};
