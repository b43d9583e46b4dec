/* SPDX-License-Identifier: MIT
 *
 * Fuzzes the session. The first byte selects its role, the peer's profile, and whether it
 * logs in; the second is the size of the pieces; the rest is sent by the peer after the
 * negotiation. Received all at once and in pieces, the session must send the same bytes
 * and end in the same way. Every call must end, and no count may be left. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "libpb/base/buf.h"
#include "libpb/broker/calls.h"
#include "libpb/broker/login.h"
#include "libpb/broker/remote.h"
#include "libpb/broker/session.h"
#include "libpb/fuzz/fuzz.h"
#include "pb/login.h"
#include "pb/publish.h"

const char pb__fuzz_name[] = "session";

struct program {
    pb_session *s;
    pb_registry *registry;
    pb_object *root;
    pb_object *cacheable; /* a Cacheable */
    size_t observed;
    pb_value *kept;
    pb_request *waiting;
    pb_attempt *attempt;
    size_t calls, ended, closed, granted, logged_out;
};

static int echo(void *self, pb_request *r)
{
    (void)self;
    return pb_request_answer_steal(r, pb_value_ref(pb_request_args(r)));
}

static int fail(void *self, pb_request *r)
{
    (void)self;
    const char *text;
    int e = pb_request_unpack(r, "s", &text);
    return e ? e : pb_request_fail(r, "shop.SoldOut", "%s", text);
}

/* Holds its arguments, and answers with those of the previous call. */
static int keep(void *self, pb_request *r)
{
    struct program *p = self;
    pb_value *before = p->kept;
    p->kept = pb_value_ref(pb_request_args(r));
    return pb_request_answer_steal(r, before ? before : pb_none());
}

/* Fails with the failure in its first argument. */
static int forward(void *self, pb_request *r)
{
    (void)self;
    pb_value *args = pb_request_args(r);
    pb_failure *f = pb_failure_from_value(pb_len(args) > 0 ? pb_item(args, 0) : args);
    must(f);
    int e = pb_request_fail_with(r, f);
    pb_failure_unref(f);
    return e;
}

static int named(void *self, pb_request *r)
{
    (void)self;
    static const char *const names[] = {"a", "b", "c", NULL};
    int a, b = 0, c = 0;
    int e = pb_request_unpack_keywords(r, "i|i$i", names, &a, &b, &c);
    return e ? e : pb_request_answer_steal(r, pb_build(NULL, "(iii)", a, b, c));
}

static int fresh(void *self, pb_request *r)
{
    struct program *p = self;
    return pb_request_answer_steal(
        r, pb_build(NULL, "(NNN)",
                    pb_object_value_steal(pb_object_new(pb_object_class(p->root), self)),
                    pb_object_value(p->root),
                    pb_object_value_steal(pb_viewpoint_new(p->root, p->root))));
}

/* Is answered by the next call of it. */
static int later(void *self, pb_request *r)
{
    struct program *p = self;
    pb_request *before = p->waiting;
    p->waiting = pb_request_ref(r);
    if (before) {
        pb_request_answer_steal(before, pb_int(1));
        pb_request_unref(before);
    }
    return 0;
}

static void ended(pb_value *result, pb_failure *failure, void *user_data)
{
    struct program *p = user_data;
    must((result == NULL) != (failure == NULL));
    p->ended++;
}

/* Calls the reference in its first argument. */
static int call_back(void *self, pb_request *r)
{
    struct program *p = self;
    pb_value *args = pb_request_args(r);
    pb_remote *to = pb_len(args) > 0 ? pb_as_remote(pb_item(args, 0)) : NULL;
    if (to &&
        pb_remote_call_values(to, "ping", args, NULL, NULL, ended, p, NULL, NULL) == 0) {
        p->calls++;
    }
    return 0;
}

static int close_it(void *self, pb_request *r)
{
    (void)self;
    pb_session_close(pb_request_session(r));
    return 0;
}

static int give_cacheable(void *self, pb_request *r)
{
    struct program *p = self;
    return pb_request_answer_steal(r, pb_object_value(p->cacheable));
}

static const pb_method methods[] = {
    {"echo", echo},
    {"fail", fail},
    {"keep", keep},
    {"new", fresh},
    {"later", later},
    {"call", call_back},
    {"close", close_it},
    {"forward", forward},
    {"named", named},
    {"pond", give_cacheable},
    {0},
};
static const pb_class cls = {
    .name = "Fuzzed", .remote = methods, .perspective = methods, .view = methods};

/* ---- Copies and caches ---- */

static pb_value *shared_state(void *self, pb_object *perspective, pb_remote *observer,
                              pb_error *err)
{
    struct program *p = self;
    (void)perspective;
    (void)observer;
    p->observed++;
    return pb_build(err, "{s:[i]}", "ducks", 1);
}

static void shared_stopped(void *self, pb_object *perspective, pb_remote *observer)
{
    struct program *p = self;
    (void)perspective;
    must(observer && p->observed > 0);
    p->observed--;
}

static const pb_class cacheable = {.name = "f.Pond",
                                   .flavor = PB_FLAVOR_CACHEABLE,
                                   .state_to_cache = shared_state,
                                   .stopped_observing = shared_stopped};

static int copies; /* number of copies that are not destroyed yet */

static void *copied(void)
{
    int *alive = malloc(sizeof *alive);
    *alive = 1;
    copies++;
    return alive;
}

/* Refuses a list. */
static int told(void *self, pb_value *state, pb_error *err)
{
    (void)err;
    must(*(int *)self == 1);
    return pb_value_kind(state) == PB_LIST ? PB_ERR_TYPE : 0;
}

static void gone(void *self)
{
    must(*(int *)self == 1);
    free(self);
    copies--;
}

static int observe(void *self, pb_request *r)
{
    must(*(int *)self == 1);
    return pb_request_answer_steal(r, pb_object_value(pb_request_object(r)));
}

static const pb_method observing[] = {{"add", observe}, {0}};
static const pb_class duck = {.name = "f.Duck",
                              .flavor = PB_FLAVOR_COPYABLE,
                              .construct = copied,
                              .set_state = told,
                              .destroy = gone};
static const pb_class cached_class = {.name = "f.CachedPond",
                                      .flavor = PB_FLAVOR_CACHEABLE,
                                      .observe = observing,
                                      .construct = copied,
                                      .set_state = told,
                                      .destroy = gone};

static pb_value *make(pb_value *state, pb_error *err, void *user_data)
{
    (void)user_data;
    return pb_build(err, "[O]", state);
}

static pb_registry *registry_new(void)
{
    static const pb_published_config config;
    pb_registry *g = pb_registry_new();
    must(g && pb_registry_set_class(g, "f.D", &duck) == 0 &&
         pb_registry_set_class(g, "f.P", &cached_class) == 0 &&
         pb_registry_set_class(g, "f.I", NULL) == 0 &&
         pb_registry_set_factory(g, "f.F", make, NULL) == 0 &&
         pb_registry_set_published(g, "f.R", &cached_class, &config) == 0);
    return g;
}

/* ---- Logins ---- */

static void log_out(void *user_data)
{
    struct program *p = user_data;
    p->logged_out++;
}

/* Answers a login when the next one is received. */
static int request_avatar(pb_attempt *a, void *user_data)
{
    struct program *p = user_data;
    pb_attempt *before = p->attempt;
    p->attempt = pb_attempt_ref(a);
    if (before) {
        p->granted++;
        pb_attempt_grant(before, p->root, log_out, p);
        pb_attempt_unref(before);
    }
    return 0;
}

static int challenge(uint8_t out[PB_MD5_LEN], void *user_data)
{
    (void)user_data;
    memset(out, 7, PB_MD5_LEN);
    return 0;
}

static const pb_credentials alice = {.username = "alice", .password = "key"};

static void publish_login(struct program *p)
{
    pb_portal *portal = pb_portal_new(request_avatar, p);
    must(portal &&
         pb_portal_add_user(portal, pb_span_of("alice"), pb_span_of("key")) == 0);
    pb__portal_set_challenge(portal, challenge, NULL);
    pb_portal_allow_anonymous(portal);
    pb_object *root = pb_portal_root(portal);
    must(root && pb_session_set_name_for_local(p->s, "portal", root) == 0);
    pb_object_unref(root);
    pb_portal_unref(portal);
}

/* ---- Sessions ---- */

static void closed(pb_session *s, const pb_error *why, void *user_data)
{
    struct program *p = user_data;
    must(s == p->s && why != NULL);
    p->closed++;
}

/* Moves the output of the session to the end of out. */
static void take(pb_session *s, struct pb__buf *out)
{
    pb_span said = pb_session_send(s);
    must(pb__buf_append(out, said.data, said.len) == 0);
    pb_session_sent(s, said.len, 0);
}

static void begin(struct program *p, uint8_t choice)
{
    *p = (struct program){.root = pb_object_new(&cls, p),
                          .cacheable = pb_object_new(&cacheable, p),
                          .registry = registry_new()};
    must(p->root && p->cacheable);
    pb_session_config c = {
        .root = p->root,
        .registry = p->registry,
        .jelly.profile = {.python_major = choice & 2 ? 2 : 3,
                          .twisted = choice & 4 ? 802 : 0},
        .jelly.limits = {.bytes = 1000, .list = 1000, .depth = 50},
        .max_refs = 6,
        .on_close = closed,
        .user_data = p,
    };
    if (c.jelly.profile.python_major == 3) {
        c.jelly.profile.twisted = 0;
    }
    static const uint8_t offer[] = "\x02\x80\x02\x82pb\x04\x82none";
    bool client = choice & 1;
    pb_span first = {offer + (client ? 0 : 2), client ? sizeof offer - 1 : 4};
    p->s = client ? pb_session_client_new(&c, 0) : pb_session_server_new(&c, 0);
    must(p->s && pb_session_recv(p->s, first, 0) == 0);
    pb_object *avatar = pb_referenceable_new(p->root, PB_ROLE_PERSPECTIVE);
    must(avatar && pb_session_set_name_for_local(p->s, "avatar", avatar) == 0);
    pb_object_unref(avatar);
    publish_login(p);
    pb_remote *peer = pb_session_root(p->s);
    must(peer);
    for (int i = 0; i < 3; i++) {
        pb_call *call;
        pb_value *args = pb_build(NULL, "(N)", pb_object_value(p->root));
        must(pb_remote_call_values(peer, "hello", args, NULL, NULL, ended, p, &call,
                                   NULL) == 0);
        pb_value_unref(args);
        p->calls++;
        if (i == 1) {
            pb_call_cancel(call);
        }
    }
    pb_remote_unref(peer);
    if (choice & 8) {
        must(pb_login(p->s, &alice, NULL, NULL, ended, p, NULL, NULL) == 0);
        p->calls++;
    }
}

static int hear(struct program *p, pb_span in, size_t step, struct pb__buf *said)
{
    int e = 0;
    for (size_t at = 0; at < in.len && e == 0; at += step) {
        size_t n = step < in.len - at ? step : in.len - at;
        e = pb_session_recv(p->s, (pb_span){in.data + at, n}, 0);
        take(p->s, said);
    }
    return e;
}

static void end(struct program *p)
{
    pb_session_free(p->s);
    pb_attempt_unref(p->attempt);
    pb_request_unref(p->waiting);
    pb_value_unref(p->kept);
    must(p->calls == p->ended && p->closed == 1);
    must(p->granted == p->logged_out);
    must(((pb_value *)p->root)->refs == 1 && ((pb_value *)p->cacheable)->refs == 1);
    must(p->observed == 0);
    pb_object_unref(p->root);
    pb_object_unref(p->cacheable);
    pb_registry_unref(p->registry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct program whole, pieces;
    struct pb__buf said = {0}, said_in_pieces = {0};
    pb_span in = {data + 2, size - 2};
    begin(&whole, data[0]);
    begin(&pieces, data[0]);
    int e = hear(&whole, in, size, &said);
    must(e == hear(&pieces, in, (size_t)data[1] % 16 + 1, &said_in_pieces));
    must(said.len == said_in_pieces.len &&
         (said.len == 0 || memcmp(said.data, said_in_pieces.data, said.len) == 0));
    const pb_error *a = pb_session_error(whole.s), *b = pb_session_error(pieces.s);
    must(strcmp(a->where, b->where) == 0 && a->offset == b->offset);
    /* The text for a prefix that is too long depends on how many bytes have been
     * received. */
    must(e == PB_ERR_LIMIT || strcmp(a->text, b->text) == 0);
    end(&whole);
    end(&pieces);
    must(copies == 0);
    pb__buf_fini(&said);
    pb__buf_fini(&said_in_pieces);
    return 0;
}
