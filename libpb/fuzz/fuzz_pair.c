/* SPDX-License-Identifier: MIT
 *
 * Fuzzes two sessions that talk to each other. The input says what happens: which end
 * calls what, how many bytes arrive, which of them are damaged on the way, and, when a
 * callback runs, what the application does in it: it calls, cancels, closes and frees
 * sessions, drops what it holds, or runs out of memory. Whatever happens, each call ends
 * once, each session ends once, each login that was granted is logged out, and nothing is
 * left. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "libpb/base/tests/failing_mem.h"
#include "libpb/fuzz/fuzz.h"
#include "pb/broker.h"
#include "pb/flavors.h"
#include "pb/login.h"
#include "pb/paging.h"
#include "pb/publish.h"

const char pb__fuzz_name[] = "pair";

enum { HELD = 4, OBSERVERS = 4, CALLS = 256 };

struct end;

struct outgoing {
    struct end *by;
    pb_call *call; /* while it is outstanding */
};

struct end {
    struct end *peer;
    pb_session *session; /* NULL: freed */
    bool closed, paused;
    uint8_t *wire; /* bytes on their way to the peer */
    size_t wire_len;
    pb_object *root, *pond;
    pb_registry *registry;
    pb_portal *portal;
    pb_request *kept[HELD];
    pb_value *held[HELD];
    pb_remote *observers[OBSERVERS];
    struct outgoing calls[CALLS];
    size_t begun, started, ended; /* begun: used of `calls` */
    size_t granted, logged_out;
};

static struct {
    const uint8_t *input;
    size_t len;
    struct end ends[2];
    size_t things; /* objects and copies that are not destroyed */
    int64_t now;
} world;

/* The next byte of the input; 0 when it has ended. */
static uint8_t pick(void)
{
    if (world.len == 0) {
        return 0;
    }
    world.len--;
    return *world.input++;
}

static void call_peer(struct end *e);

/* ---- What the application does, in callbacks too ---- */

static void drop_held(struct end *e, size_t i)
{
    pb_value *v = e->held[i];
    e->held[i] = NULL;
    pb_value_unref(v);
}

static void hold(struct end *e, pb_value *v)
{
    size_t i = pick() % HELD;
    pb_value *before = e->held[i];
    e->held[i] = pb_value_ref(v);
    pb_value_unref(before);
}

static void answer_kept(struct end *e, size_t i)
{
    pb_request *r = e->kept[i];
    e->kept[i] = NULL;
    if (r && pick() % 4) {
        pb_request_answer_steal(r, pb_int(1));
    }
    pb_request_unref(r);
}

static void free_session(struct end *e)
{
    pb_session *s = e->session;
    e->session = NULL;
    pb_session_free(s);
}

static void cancel_call(struct end *e, size_t i)
{
    if (e->calls[i].call) {
        pb_call_cancel(e->calls[i].call);
        must(e->calls[i].call == NULL);
    }
}

static void pause_or_resume(struct end *e)
{
    if (e->session) {
        e->paused = !e->paused;
        (e->paused ? pb_session_pause : pb_session_resume)(e->session);
    }
}

/* Runs in every callback. Input that has ended does nothing. */
static void act(struct end *e)
{
    uint8_t choice = pick();
    struct end *who = choice & 0x80 ? e->peer : e;
    switch (choice & 0x7f) {
    case 1:
        call_peer(who);
        break;
    case 2:
        if (who->session) {
            pb_session_close(who->session);
        }
        break;
    case 3:
        free_session(who);
        break;
    case 4:
        pb__test_fail_at(1 + pick(), false);
        break;
    case 5:
        pb__test_fail_at(1 + pick(), true);
        break;
    case 6:
        cancel_call(who, pick() % CALLS);
        break;
    case 7:
        drop_held(who, pick() % HELD);
        break;
    case 8:
        answer_kept(who, pick() % HELD);
        break;
    case 9:
        pause_or_resume(who);
        break;
    case 10:
        pb__test_fail_at(0, false);
        break;
    default:
        break;
    }
}

/* ---- Objects ---- */

static void thing_gone(void *self)
{
    must(world.things > 0);
    world.things--;
    act(self);
}

static int thing_touch(void *self, pb_request *r)
{
    act(self);
    return pb_request_answer_steal(r, pb_object_value(pb_request_object(r)));
}

static const pb_class thing_class = {.name = "Thing",
                                     .remote =
                                         (const pb_method[]){{"touch", thing_touch}, {0}},
                                     .destroy = thing_gone};

static pb_value *new_thing(struct end *e)
{
    pb_object *o = pb_object_new(&thing_class, e);
    world.things += o != NULL;
    return o ? pb_object_value_steal(o) : NULL;
}

static pb_value *pond_state(void *self, pb_object *perspective, pb_remote *observer,
                            pb_error *err)
{
    struct end *e = self;
    (void)perspective;
    size_t i = pick() % OBSERVERS;
    pb_value *state = pb_build(err, "{s:i}", "ducks", 1);
    if (state && !e->observers[i]) {
        e->observers[i] = pb_remote_ref(observer);
    }
    return state;
}

static void pond_stopped(void *self, pb_object *perspective, pb_remote *observer)
{
    struct end *e = self;
    (void)perspective;
    for (size_t i = 0; i < OBSERVERS; i++) {
        if (e->observers[i] == observer) {
            e->observers[i] = NULL;
            pb_remote_unref(observer);
        }
    }
    act(e);
}

static const pb_class pond_class = {.name = "f.Pond",
                                    .flavor = PB_FLAVOR_CACHEABLE,
                                    .state_to_cache = pond_state,
                                    .stopped_observing = pond_stopped};

/* A copy does not know whose it is. */
static void *copy_new(void)
{
    char *self = malloc(1);
    must(self);
    world.things++;
    return self;
}

static int copy_set(void *self, pb_value *state, pb_error *err)
{
    (void)self;
    (void)state;
    (void)err;
    act(&world.ends[0]);
    return 0;
}

static void copy_gone(void *self)
{
    free(self);
    must(world.things > 0);
    world.things--;
    act(&world.ends[1]);
}

static int cache_add(void *self, pb_request *r)
{
    (void)self;
    act(&world.ends[0]);
    return pb_request_answer_steal(r, pb_none());
}

static const pb_class cache_class = {.name = "f.Cache",
                                     .flavor = PB_FLAVOR_CACHEABLE,
                                     .observe =
                                         (const pb_method[]){{"add", cache_add}, {0}},
                                     .construct = copy_new,
                                     .set_state = copy_set,
                                     .destroy = copy_gone};

/* ---- The methods of the root ---- */

static int do_echo(void *self, pb_request *r)
{
    struct end *e = self;
    act(e);
    return pb_request_answer_steal(r, pb_value_ref(pb_request_args(r)));
}

static int do_keep(void *self, pb_request *r)
{
    struct end *e = self;
    size_t i = pick() % HELD;
    hold(e, pb_request_args(r));
    if (e->kept[i]) {
        return pb_request_fail(r, "twisted.spread.pb.Error", "busy");
    }
    e->kept[i] = pb_request_ref(r);
    act(e);
    return 0;
}

static int do_give(void *self, pb_request *r)
{
    struct end *e = self;
    act(e);
    return pb_request_answer_steal(
        r, pb_build(NULL, "[NN]", new_thing(e), pb_object_value(e->pond)));
}

static int do_pages(void *self, pb_request *r)
{
    pb_value *collector;
    int failed = pb_request_unpack(r, "O", &collector);
    if (failed) {
        return failed;
    }
    act(self);
    pb_value *bytes = pb_build(NULL, "y#", "0123456789abcdef", (size_t)16);
    failed = pb_page_bytes(pb_as_remote(collector), bytes, 5, NULL, NULL, NULL);
    pb_value_unref(bytes);
    return failed;
}

/* Tells the observers of the pond, the caches of the peer. */
static int do_tell(void *self, pb_request *r)
{
    struct end *e = self;
    const pb_call_options options = {.no_answer = true};
    for (size_t i = 0; i < OBSERVERS; i++) {
        pb_remote *observer = pb_remote_ref(e->observers[i]);
        if (observer) {
            pb_remote_call_values(observer, "add", NULL, NULL, &options, NULL, NULL, NULL,
                                  NULL);
            act(e);
        }
        pb_remote_unref(observer);
    }
    return pb_request_answer_steal(r, pb_none());
}

static const pb_method methods[] = {{"echo", do_echo}, {"keep", do_keep},
                                    {"give", do_give}, {"pages", do_pages},
                                    {"tell", do_tell}, {0}};
static const pb_class root_class = {
    .name = "Root", .remote = methods, .perspective = methods};

/* ---- Calls ---- */

static void on_answer(pb_value *result, pb_failure *failure, void *user_data)
{
    struct outgoing *o = user_data;
    must((result == NULL) != (failure == NULL));
    o->call = NULL;
    o->by->ended++;
    for (size_t i = 0; result && i < pb_len(result) && i < HELD; i++) {
        hold(o->by, pb_item(result, i));
    }
    act(o->by);
}

static void call_login(struct end *e, struct outgoing *o)
{
    static const pb_credentials known = {.username = "alice", .password = "key"};
    static const pb_credentials unknown = {.username = "bob", .password = "key"};
    e->started += pb_login(e->session, pick() % 2 ? &known : &unknown, NULL, NULL,
                           on_answer, o, NULL, NULL) == 0;
}

/* The root of the peer, or any reference that is held. *New*. */
static pb_remote *callee(struct end *e)
{
    pb_value *v = e->held[pick() % HELD];
    pb_remote *r = v ? pb_as_remote(v) : NULL;
    return r ? pb_remote_ref(r) : pb_session_root(e->session);
}

static void call_peer(struct end *e)
{
    static const char *const names[] = {"echo", "keep", "give", "pages",
                                        "tell", "add",  "none", "touch"};
    if (!e->session || e->begun == CALLS) {
        return;
    }
    struct outgoing *o = &e->calls[e->begun++];
    *o = (struct outgoing){.by = e};
    uint8_t choice = pick();
    if (choice == 0xff) {
        call_login(e, o);
        return;
    }
    pb_remote *to = callee(e);
    pb_value *held = e->held[pick() % HELD];
    pb_value *args = held ? pb_build(NULL, "(ON)", held, pb_object_value(e->pond))
                          : pb_build(NULL, "(N)", new_thing(e));
    pb_call_options options = {.timeout = choice & 0x40 ? 20 : 0};
    const char *name = names[choice % 8];
    int failed = choice & 0x20
                     ? pb_get_all_pages(to, name, args, NULL, NULL, on_answer, o, NULL)
                     : pb_remote_call_values(to, name, args, NULL, &options, on_answer, o,
                                             &o->call, NULL);
    e->started += failed == 0;
    pb_value_unref(args);
    pb_remote_unref(to);
}

/* ---- Logins ---- */

static void log_out(void *user_data)
{
    struct end *e = user_data;
    e->logged_out++;
    act(e);
}

static int request_avatar(pb_attempt *a, void *user_data)
{
    struct end *e = user_data;
    act(e);
    e->granted++;
    return pb_attempt_grant(a, e->root, log_out, e);
}

/* ---- The wire ---- */

static void on_close(pb_session *s, const pb_error *why, void *user_data)
{
    struct end *e = user_data;
    (void)s;
    must(why && !e->closed);
    e->closed = true;
    act(e);
}

static void on_drained(pb_session *s, void *user_data)
{
    (void)s;
    act(user_data);
}

static void send_some(struct end *e, size_t most)
{
    if (!e->session) {
        return;
    }
    pb_span out = pb_session_send(e->session);
    size_t n = out.len < most ? out.len : most;
    if (n > 0) {
        uint8_t *wire = realloc(e->wire, e->wire_len + n);
        must(wire);
        memcpy(wire + e->wire_len, out.data, n);
        e->wire = wire;
        e->wire_len += n;
        pb_session_sent(e->session, n, world.now);
    }
}

/* Delivers bytes that e sent, in a block of their exact size. `damage` changes one. */
static void deliver_some(struct end *e, size_t most, uint8_t damage)
{
    size_t n = e->wire_len < most ? e->wire_len : most;
    if (n == 0) {
        return;
    }
    uint8_t *bytes = malloc(n);
    must(bytes);
    memcpy(bytes, e->wire, n);
    memmove(e->wire, e->wire + n, e->wire_len - n);
    e->wire_len -= n;
    if (damage) {
        bytes[pick() % n] ^= damage;
    }
    if (e->peer->session) {
        pb_session_recv(e->peer->session, (pb_span){bytes, n}, world.now);
    }
    free(bytes);
}

static void tick(struct end *e)
{
    world.now += 10;
    if (e->session) {
        pb_session_tick(e->session, world.now);
    }
}

static void step(void)
{
    uint8_t choice = pick();
    struct end *e = &world.ends[choice >> 7];
    switch (choice & 0xf) {
    case 0:
    case 1:
    case 2:
        call_peer(e);
        break;
    case 3:
        send_some(e, pick());
        break;
    case 4:
        deliver_some(e, pick(), 0);
        break;
    case 5:
        deliver_some(e, pick(), pick());
        break;
    case 6:
        tick(e);
        break;
    case 7:
        if (e->session && choice & 0x40) {
            pb_session_lost(e->session, NULL);
        }
        break;
    case 8:
    case 9:
        act(e);
        break;
    default:
        send_some(e, SIZE_MAX);
        deliver_some(e, SIZE_MAX, 0);
        break;
    }
}

/* ---- One run ---- */

static void begin_end(struct end *e, bool server)
{
    e->peer = &world.ends[!server];
    e->root = pb_object_new(&root_class, e);
    e->pond = pb_object_new(&pond_class, e);
    e->registry = pb_registry_new();
    e->portal = pb_portal_new(request_avatar, e);
    must(e->root && e->pond && e->registry && e->portal);
    must(pb_registry_set_class(e->registry, "f.Pond", &cache_class) == 0);
    must(pb_portal_add_user(e->portal, pb_span_of("alice"), pb_span_of("key")) == 0);
    uint8_t choice = pick();
    pb_session_config c = {.root = e->root,
                           .registry = e->registry,
                           .high_mark = choice & 1 ? 50 : 0,
                           .max_pending = choice & 2 ? 3 : 0,
                           .max_refs = choice & 4 ? 3 : 0,
                           .jelly.limits.message = choice & 8 ? 500 : 0,
                           .on_drained = on_drained,
                           .on_close = on_close,
                           .user_data = e};
    e->session = (server ? pb_session_server_new : pb_session_client_new)(&c, 0);
    pb_object *login = pb_portal_root(e->portal);
    must(e->session && login);
    must(pb_session_set_name_for_local(e->session, choice & 16 ? "root" : "portal",
                                       login) == 0);
    pb_object_unref(login);
}

static void finish_end(struct end *e)
{
    for (size_t i = 0; i < HELD; i++) {
        answer_kept(e, i);
        drop_held(e, i);
    }
    free_session(e);
    must(e->closed && e->ended == e->started && e->granted == e->logged_out);
}

static void free_end(struct end *e)
{
    for (size_t i = 0; i < OBSERVERS; i++) {
        must(e->observers[i] == NULL);
    }
    pb_object_unref(e->root);
    pb_object_unref(e->pond);
    pb_registry_unref(e->registry);
    pb_portal_unref(e->portal);
    free(e->wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    long before = pb__test_live();
    memset(&world, 0, sizeof world);
    world.input = data;
    world.len = size;
    begin_end(&world.ends[0], false);
    begin_end(&world.ends[1], true);
    while (world.len > 0) {
        step();
    }
    pb__test_fail_at(0, false);
    for (size_t i = 0; i < 8; i++) {
        tick(&world.ends[i % 2]);
        send_some(&world.ends[i % 2], SIZE_MAX);
        deliver_some(&world.ends[i % 2], SIZE_MAX, 0);
    }
    for (size_t i = 0; i < 2; i++) {
        finish_end(&world.ends[i]);
    }
    /* What one end held may have been the other's. */
    for (size_t i = 0; i < 2; i++) {
        free_end(&world.ends[i]);
    }
    must(world.things == 0);
    must(pb__test_live() == before);
    return 0;
}
