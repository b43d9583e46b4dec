/* SPDX-License-Identifier: MIT
 *
 * A simulation: a made-up network and clock drive pairs of sessions from a seed. Bytes
 * are cut anywhere, delayed and lost with their connection; connections overtake one
 * another, are closed, half-closed and reset; queues are full soon; applications call,
 * answer late, cancel, page, pass references about, stop reading and free sessions in
 * callbacks. Whatever happens: each call ends once, with the answer that belongs to it;
 * nobody is called while it does not read; each session ends once; nothing is left.
 * PB_SEED=N runs one seed, PB_SEEDS=N so many (1000). */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpb/broker/session.h"
#include "pb/paging.h"
#include "tests/support.h"

enum { PAIRS = 3, STEPS = 160, CALLS_MAX = 2048, KEPT = 8 };

/* ---- Chance ---- */

static uint64_t seed, state;

static uint64_t next_random(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/* From 0 to n - 1. */
static size_t chance(size_t n)
{
    return (size_t)(next_random() % n);
}

#define CHECK(condition, ...) cr_assert(condition, "seed %lu: " __VA_ARGS__)

/* ---- The world ---- */

struct end;

/* A call that was made; kept until the simulation ends. */
struct asked {
    struct end *by;
    int64_t number; /* the number that echo must answer */
    bool ended, cancelled, timed;
    pb_call *call; /* while it may be given up */
};

struct flight { /* bytes on the wire */
    uint8_t *data;
    size_t len;
    bool closed; /* nothing follows */
};

struct end {
    struct end *peer;
    pb_session *session; /* NULL: freed */
    bool closed, broken; /* on_close has run; the transport is gone */
    bool paused;         /* the application does not read */
    struct flight out;   /* to the peer */
    pb_request *kept[KEPT];
    pb_value *kept_args[KEPT];
    pb_value *held[KEPT];
    pb_object *root;
    size_t pagings, collected; /* begun here; ended here */
};

static struct {
    struct end ends[PAIRS][2];
    struct asked asked[CALLS_MAX];
    size_t asked_count, objects;
    int64_t now;
    bool calm; /* no more disturbances */
} world;

static void lose(struct end *e, bool reset);

/* ---- The application ---- */

static void thing_gone(void *self)
{
    (void)self;
    world.objects--;
}

static int thing_touch(void *self, pb_request *r)
{
    (void)self;
    return pb_request_answer_steal(r, pb_str("touched"));
}

static const pb_method thing_methods[] = {{"touch", thing_touch}, {0}};
static const pb_class thing_class = {
    .name = "Thing", .remote = thing_methods, .destroy = thing_gone};

static pb_value *new_thing(void)
{
    world.objects++;
    return pb_object_value_steal(pb_object_new(&thing_class, NULL));
}

static void hold(struct end *e, pb_value *v)
{
    size_t i = chance(KEPT);
    pb_value *before = e->held[i];
    e->held[i] = pb_value_ref(v);
    pb_value_unref(before);
}

static void pause_or_resume(struct end *e)
{
    if (e->session) {
        e->paused = !e->paused && !world.calm;
        (e->paused ? pb_session_pause : pb_session_resume)(e->session);
    }
}

/* Answers with its argument, now or later, or fails. */
static int do_echo(void *self, pb_request *r)
{
    struct end *e = self;
    CHECK(!e->paused, "called while it does not read", seed);
    if (chance(20) == 0) {
        pause_or_resume(e);
    }
    size_t i = chance(KEPT);
    switch (chance(4)) {
    case 0:
        if (!e->kept[i]) {
            e->kept[i] = pb_request_ref(r);
            e->kept_args[i] = pb_value_ref(pb_request_args(r));
            return 0;
        }
        return pb_request_fail(r, "twisted.spread.pb.Error", "busy");
    case 1:
        hold(e, pb_request_args(r));
        break;
    default:
        break;
    }
    return pb_request_answer_steal(r, pb_value_ref(pb_item(pb_request_args(r), 0)));
}

/* Answers with a new object, and with one that was received before. */
static int do_give(void *self, pb_request *r)
{
    struct end *e = self;
    pb_value *v = pb_build(NULL, "[N]", new_thing());
    pb_value *held = e->held[chance(KEPT)];
    if (held && pb_value_kind(held) == PB_REMOTE) {
        pb_append(v, held);
    }
    return pb_request_answer_steal(r, v);
}

static int do_pages(void *self, pb_request *r)
{
    (void)self;
    pb_value *collector;
    int n;
    int failed = pb_request_unpack(r, "Oi", &collector, &n);
    if (failed) {
        return failed;
    }
    pb_value *bytes = pb_build(NULL, "y#", "0123456789abcdef", (size_t)n % 17);
    failed = pb_page_bytes(pb_as_remote(collector), bytes, 3, NULL, NULL, NULL);
    pb_value_unref(bytes);
    return failed;
}

static int do_leave(void *self, pb_request *r)
{
    struct end *e = self;
    (void)r;
    if (!world.calm && chance(2)) {
        pb_session_close(e->session);
    } else if (!world.calm) {
        pb_session *s = e->session;
        e->session = NULL;
        pb_session_free(s);
    }
    return 0;
}

static const pb_method methods[] = {
    {"echo", do_echo}, {"give", do_give}, {"pages", do_pages}, {"leave", do_leave}, {0}};
static const pb_class root_class = {.name = "Root", .remote = methods};

/* ---- Calls ---- */

static void on_answer(pb_value *result, pb_failure *failure, void *user_data)
{
    struct asked *a = user_data;
    int64_t number;
    CHECK(!result || !a->by->paused, "answered while it does not read", seed);
    CHECK(!a->ended, "a call ended twice", seed);
    CHECK(!result != !failure, "neither answer nor failure, or both", seed);
    a->ended = true;
    a->call = NULL;
    if (failure && pb_failure_code(failure) == PB_ERR_TIMEOUT) {
        CHECK(a->timed, "an untimed call timed out", seed);
    } else if (failure && pb_failure_code(failure) == PB_ERR_CANCELLED) {
        CHECK(a->cancelled, "a call was cancelled by nobody", seed);
    } else if (result && a->number >= 0) {
        CHECK(pb_as_int(result, &number) == 0 && number == a->number,
              "call %ld got the answer of %ld", seed, (long)a->number, (long)number);
    } else if (result) {
        for (size_t i = 0; i < pb_len(result); i++) {
            hold(a->by, pb_item(result, i));
        }
    }
    if (!world.calm && chance(40) == 0) {
        pb_session_close(a->by->session ? a->by->session : a->by->peer->session);
    }
}

static struct asked *new_asked(struct end *e, int64_t number)
{
    struct asked *a = &world.asked[world.asked_count++];
    *a = (struct asked){.by = e, .number = number};
    return a;
}

static void ask(struct end *e)
{
    if (world.asked_count == CALLS_MAX || !e->session || e->closed) {
        return;
    }
    bool give = chance(3) == 0;
    struct asked *a = new_asked(e, give ? -1 : (int64_t)world.asked_count);
    pb_remote *root = pb_session_root(e->session);
    pb_value *held = e->held[chance(KEPT)];
    pb_value *args = give   ? pb_build(NULL, "()")
                     : held ? pb_build(NULL, "(LO)", a->number, held)
                            : pb_build(NULL, "(LN)", a->number, new_thing());
    pb_call_options options = {.timeout = chance(3) ? 0 : (int64_t)chance(50) + 1};
    a->timed = options.timeout > 0;
    int failed = pb_remote_call_values(root, give ? "give" : "echo", args, NULL, &options,
                                       on_answer, a, &a->call, NULL);
    if (failed) { /* a reference that is dead, or the session is over */
        a->ended = true;
        a->call = NULL;
    }
    pb_value_unref(args);
    pb_remote_unref(root);
}

static void on_pages(pb_value *pages, pb_failure *failure, void *user_data)
{
    struct end *e = user_data;
    CHECK(!pages != !failure, "neither pages nor failure, or both", seed);
    e->collected++;
}

static void ask_pages(struct end *e)
{
    if (!e->session || e->closed) {
        return;
    }
    pb_remote *root = pb_session_root(e->session);
    pb_value *args = pb_build(NULL, "(i)", (int)chance(17));
    if (pb_get_all_pages(root, "pages", args, NULL, NULL, on_pages, e, NULL) == 0) {
        e->pagings++;
    }
    pb_value_unref(args);
    pb_remote_unref(root);
}

static void tell(struct end *e, const char *method)
{
    if (e->session && !e->closed) {
        pb_remote *root = pb_session_root(e->session);
        pb_call_options options = {.no_answer = true};
        pb_remote_call_values(root, method, NULL, NULL, &options, NULL, NULL, NULL, NULL);
        pb_remote_unref(root);
    }
}

static void cancel(void)
{
    struct asked *a = world.asked_count ? &world.asked[chance(world.asked_count)] : NULL;
    if (a && a->call && !a->ended) {
        a->cancelled = true;
        pb_call_cancel(a->call);
        CHECK(a->ended, "a call that was cancelled goes on", seed);
    }
}

static void answer_kept(struct end *e, size_t i)
{
    pb_request *r = e->kept[i];
    pb_value *args = e->kept_args[i];
    e->kept[i] = NULL;
    e->kept_args[i] = NULL;
    if (r && chance(4)) {
        pb_request_answer_steal(r, pb_value_ref(pb_item(args, 0)));
    }
    pb_value_unref(args);
    pb_request_unref(r);
}

static void drop_held(struct end *e, size_t i)
{
    pb_value *v = e->held[i];
    e->held[i] = NULL;
    pb_value_unref(v);
}

/* ---- The network ---- */

static void on_close(pb_session *s, const pb_error *why, void *user_data)
{
    struct end *e = user_data;
    (void)s;
    (void)why;
    CHECK(!e->closed, "a session ended twice", seed);
    e->closed = true;
}

static void on_drained(pb_session *s, void *user_data)
{
    CHECK(!pb_session_is_full(s), "drained, and full", seed);
    if (chance(4) == 0) {
        pause_or_resume(user_data);
    }
}

/* Puts some of the pending output onto the wire. */
static void send_some(struct end *e, bool all)
{
    if (!e->session || e->broken) {
        return;
    }
    pb_span out = pb_session_send(e->session);
    size_t n = all || out.len == 0 ? out.len : 1 + chance(out.len);
    if (n > 0) {
        struct flight *f = &e->out;
        f->data = realloc(f->data, f->len + n);
        memcpy(f->data + f->len, out.data, n);
        f->len += n;
        pb_session_sent(e->session, n, world.now);
    }
}

/* Delivers some of what is on the wire, sometimes also while the receiver does not want
 * to read. */
static void deliver(struct end *to, bool all)
{
    struct flight *f = &to->peer->out;
    bool open = to->session && !to->broken && !pb_session_is_closed(to->session);
    if (open && !pb_session_want_recv(to->session) && (world.calm || chance(4))) {
        return;
    }
    size_t n = all || f->len == 0 ? f->len : 1 + chance(f->len);
    if (n > 0) {
        uint8_t *bytes = malloc(n);
        memcpy(bytes, f->data, n);
        memmove(f->data, f->data + n, f->len - n);
        f->len -= n;
        if (open) {
            pb_session_recv(to->session, (pb_span){bytes, n}, world.now);
        }
        free(bytes);
    } else if (f->closed && !to->broken) {
        lose(to, false);
    }
}

/* The transport of one end is lost. */
static void lose(struct end *e, bool reset)
{
    pb_error why = {.code = PB_ERR_LOST, .text = "reset"};
    e->broken = true;
    e->out.closed = true;
    if (e->session) {
        pb_session_lost(e->session, reset ? &why : NULL);
    }
}

/* A closed end closes its side when everything is sent. */
static void close_wire(struct end *e)
{
    bool over = !e->session || pb_session_is_closed(e->session);
    if (over && (!e->session || !pb_session_want_send(e->session))) {
        e->out.closed = true;
    }
}

static void tick(struct end *e)
{
    if (e->session && !e->broken && pb_session_deadline(e->session) <= world.now) {
        pb_session_tick(e->session, world.now);
    }
}

static void disturb(struct end *e)
{
    switch (chance(3)) {
    case 0: /* half-close: what is on the wire still arrives */
        e->out.closed = true;
        break;
    case 1: /* reset: nothing arrives */
        e->out.len = e->peer->out.len = 0;
        lose(e, true);
        lose(e->peer, true);
        break;
    default:
        tell(e, "leave");
        break;
    }
}

static void step(void)
{
    struct end *e = &world.ends[chance(PAIRS)][chance(2)];
    switch (chance(16)) {
    case 0:
    case 1:
    case 2:
        ask(e);
        break;
    case 3:
        answer_kept(e, chance(KEPT));
        break;
    case 4:
        drop_held(e, chance(KEPT));
        break;
    case 5:
        cancel();
        break;
    case 6:
        ask_pages(e);
        break;
    case 7:
        world.now += (int64_t)chance(30);
        break;
    case 8:
        tell(e, "echo");
        break;
    case 9:
        if (chance(12) == 0) {
            disturb(e);
        }
        break;
    case 10:
    case 11:
        send_some(e, false);
        break;
    case 12:
        tick(e);
        break;
    case 13:
        if (chance(4) == 0) {
            pause_or_resume(e);
        }
        break;
    default:
        deliver(e, false);
        break;
    }
    close_wire(e);
}

/* ---- One run ---- */

static void begin(void)
{
    for (int p = 0; p < PAIRS; p++) {
        for (int i = 0; i < 2; i++) {
            struct end *e = &world.ends[p][i];
            e->peer = &world.ends[p][!i];
            e->root = pb_object_new(&root_class, e);
            pb_session_config c = {.root = e->root,
                                   .high_mark = 1 + chance(200),
                                   .max_pending = 1 + chance(20),
                                   .on_drained = on_drained,
                                   .on_close = on_close,
                                   .user_data = e};
            e->session = i ? pb_session_server_new(&c, world.now)
                           : pb_session_client_new(&c, world.now);
        }
    }
}

/* Everything on the wire arrives, and all requests are answered. */
static void calm_down(void)
{
    world.calm = true;
    for (int round = 0; round < 40; round++) {
        world.now += 20;
        for (int p = 0; p < PAIRS; p++) {
            for (int i = 0; i < 2; i++) {
                struct end *e = &world.ends[p][i];
                for (size_t k = 0; k < KEPT; k++) {
                    answer_kept(e, k);
                    drop_held(e, k);
                }
                if (e->paused) {
                    pause_or_resume(e);
                }
                tick(e);
                send_some(e, true);
                deliver(e->peer, true);
                close_wire(e);
            }
        }
    }
}

static void check_tables(const struct end *e)
{
    pb_session_stats s;
    pb_session_get_stats(e->session, &s);
    CHECK(s.pending + s.serving + s.exported + s.held + s.queued == 0,
          "left: pending %zu serving %zu exported %zu held %zu queued %zu", seed,
          s.pending, s.serving, s.exported, s.held, s.queued);
}

static void end(void)
{
    for (int p = 0; p < PAIRS; p++) {
        for (int i = 0; i < 2; i++) {
            struct end *e = &world.ends[p][i];
            if (e->session && !e->closed) {
                check_tables(e);
            }
            pb_session *s = e->session;
            e->session = NULL;
            pb_session_free(s);
            CHECK(e->closed, "a session did not end", seed);
            CHECK(e->pagings == e->collected, "%zu pagings, %zu ended", seed, e->pagings,
                  e->collected);
            pb_object_unref(e->root);
            free(e->out.data);
        }
    }
    for (size_t i = 0; i < world.asked_count; i++) {
        CHECK(world.asked[i].ended, "call %zu did not end", seed, i);
    }
    CHECK(world.objects == 0, "%zu objects are left", seed, world.objects);
    CHECK(pb__test_live() == 0, "%ld blocks are left", seed, pb__test_live());
}

static void live(void)
{
    memset(&world, 0, sizeof world);
    state = seed;
    begin();
    for (int i = 0; i < STEPS * PAIRS; i++) {
        step();
    }
    calm_down();
    end();
}

static void tell_seed(int sig)
{
    fprintf(stderr, "seed %" PRIu64 "\n", seed);
    signal(sig, SIG_DFL);
    raise(sig);
}

PB_TEST(simulate, whatever_happens)
{
    signal(SIGSEGV, tell_seed);
    signal(SIGABRT, tell_seed);
    const char *one = getenv("PB_SEED"), *many = getenv("PB_SEEDS");
    uint64_t first = one ? strtoull(one, NULL, 10) : 1;
    uint64_t count = one ? 1 : many ? strtoull(many, NULL, 10) : 1000;
    for (seed = first; seed < first + count; seed++) {
        live();
    }
}
