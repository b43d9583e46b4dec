/* SPDX-License-Identifier: MIT
 *
 * Copies, as in Twisted's copy and copy2: a pond is sent as a copy, with its
 * attributes or with a state that it computes, and is rejected if its class is not
 * registered. */
#include "interop-tests/live/pairs/pair.h"

#include <stdlib.h>

/* ---- The ponds that the client sends: self is the state, as a Python literal ---- */

static pb_value *sent_pond_state(void *self, pb_object *perspective, pb_error *err)
{
    (void)perspective;
    return pb_value_parse(self, err);
}

static const pb_class copy_pond = {
    .name = "copy_sender.CopyPond",
    .flavor = PB_FLAVOR_COPYABLE,
    .state_to_copy = sent_pond_state,
};
static const pb_class sender_pond = {
    .name = "copy2_classes.SenderPond",
    .flavor = PB_FLAVOR_COPYABLE,
    .state_to_copy = sent_pond_state,
};
static const pb_class hidden_pond = {
    .name = "ponds.HiddenPond",
    .flavor = PB_FLAVOR_COPYABLE,
    .state_to_copy = sent_pond_state,
};

/* ---- The ponds that the server receives ---- */

static const pb_class received_copy_pond = {
    .name = "ReceivedCopyPond",
    .flavor = PB_FLAVOR_COPYABLE,
};
static const pb_class received_sender_pond = {
    .name = "ReceivedSenderPond",
    .flavor = PB_FLAVOR_COPYABLE,
};

static int copy_receiver_take_pond(void *self, pb_request *req)
{
    (void)self;
    pb_value *v;
    int e = pb_request_unpack(req, "O", &v);
    const pb_object *pond = e ? NULL : pb_as_object(v);
    if (!pond) {
        return e ? e : PB_ERR_TYPE;
    }
    int frogs;
    if (pb_object_class(pond) == &received_copy_pond) {
        const char *color;
        e = pb_unpack(pb_object_state(pond), NULL, "{s:s, s:i}", "color", &color,
                      "numFrogs", &frogs);
        if (e == 0) {
            printf("got %d %s frogs\n", frogs, color);
        }
    } else {
        e = pb_unpack(pb_object_state(pond), NULL, "{s:i}", "frogsAndToads", &frogs);
        if (e == 0) {
            printf("got %d frogs and toads\n", frogs);
        }
    }
    return e ? e : pb_request_answer_steal(req, pb_str("safe and sound"));
}

static const pb_class receiver_class = {
    .name = "Receiver",
    .remote = (const pb_method[]){{"takePond", copy_receiver_take_pond},
                                  {"shutdown", stop_server},
                                  {0}},
};

static void serve_receiver(pb_net_config *config)
{
    config->session.root = pb_object_new(&receiver_class, NULL);
    config->session.registry = pb_registry_new();
    pb_registry_set_class(config->session.registry, copy_pond.name, &received_copy_pond);
    pb_registry_set_class(config->session.registry, sender_pond.name,
                          &received_sender_pond);
}

static void send_pond(struct test_client *t, const pb_class *cls, const char *state)
{
    print_answer_steal(
        t, "takePond",
        pb_client_call(t->client, t->root, "takePond", &t->err, "N",
                       pb_object_value_steal(pb_object_new(cls, (char *)state))));
}

static void run_copy_example(struct test_client *t)
{
    send_pond(t, &copy_pond, "{'color': 'green', 'numFrogs': 7}");
    send_pond(t, &hidden_pond, "{}");
    call_until_closed(t, "shutdown");
}

static void run_copy2_example(struct test_client *t)
{
    send_pond(t, &sender_pond, "{'frogsAndToads': 7}");
    call_until_closed(t, "shutdown");
}

const struct pair pairs_copies[] = {
    {"copy", serve_receiver, run_copy_example, NULL},
    {"copy2", serve_receiver, run_copy2_example, NULL},
    {0},
};
