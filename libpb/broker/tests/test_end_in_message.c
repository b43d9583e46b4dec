/* SPDX-License-Identifier: MIT
 *
 * The session ends while a message is read: at a reference beyond max_held, or in a
 * callback that makes a value. The rest of the message is not read: it makes no
 * reference, copy or cache, and runs no callback. */
#include "libpb/broker/tests/hostile.h"

/* The ways in which a member of the message ends the session. */
enum ending { BY_LIMIT, BY_FACTORY, BY_UNJELLY, BY_LOADING, BY_STATE, ENDINGS };

/* What the callback does to the session. */
static void (*const deeds[])(pb_session *s) = {pb_session_close, pb_session_free};

struct work {
    struct victim victim;
    enum ending ending;
    void (*deed)(pb_session *s);
    bool ended;   /* by the callback or at the limit */
    size_t after; /* callbacks that ran later, except for what is destroyed */
    size_t constructed, destroyed;
};

static struct work *work; /* of the test that runs, as construct has no user_data */

static void work_passes(enum ending place)
{
    if (work->ended) {
        work->after++;
    } else if (place == work->ending) {
        work->ended = true;
        work->deed(work->victim.session);
    }
}

static pb_value *make_thing(pb_value *state, pb_error *err, void *user_data)
{
    (void)err;
    (void)user_data;
    work_passes(BY_FACTORY);
    return pb_value_ref(state);
}

static pb_value *unjelly_thing(pb_value *members, pb_error *err, void *user_data)
{
    (void)err;
    (void)user_data;
    work_passes(BY_UNJELLY);
    return pb_value_ref(members);
}

static int load_thing(pb_value *id, pb_value **v, pb_error *err, void *user_data)
{
    (void)err;
    (void)user_data;
    work_passes(BY_LOADING);
    *v = pb_value_ref(id);
    return 0;
}

static void *construct_thing(void)
{
    work->after += work->ended;
    work->constructed++;
    return work;
}

static int set_thing(void *self, pb_value *state, pb_error *err)
{
    (void)self;
    (void)state;
    (void)err;
    work_passes(BY_STATE);
    return 0;
}

static void destroy_thing(void *self)
{
    (void)self;
    work->destroyed++;
}

static int serve_thing(void *self, pb_request *r)
{
    (void)self;
    (void)r;
    work->after++;
    return 0;
}

static const pb_class root_class = {.name = "Root", .fallback = serve_thing};
static const pb_class copy_class = {.name = "a.Copy",
                                    .flavor = PB_FLAVOR_COPYABLE,
                                    .construct = construct_thing,
                                    .set_state = set_thing,
                                    .destroy = destroy_thing};
static const pb_class cache_class = {.name = "a.Cache",
                                     .flavor = PB_FLAVOR_CACHEABLE,
                                     .construct = construct_thing,
                                     .set_state = set_thing,
                                     .destroy = destroy_thing};

static pb_registry *things_new(void)
{
    pb_registry *g = pb_registry_new();
    cr_assert_eq(pb_registry_set_factory(g, "a.Made", make_thing, NULL), 0);
    cr_assert_eq(pb_registry_set_unjelly(g, "a.Point", unjelly_thing, NULL), 0);
    cr_assert_eq(pb_registry_set_reference(g, "a.Group"), 0);
    cr_assert_eq(pb_registry_set_class(g, "a.Copy", &copy_class), 0);
    cr_assert_eq(pb_registry_set_class(g, "a.Cache", &cache_class), 0);
    return g;
}

/* An expression of a word and a number. */
static void stream_numbered(struct stream *s, const char *word, int n)
{
    stream_head(s, word, 1);
    stream_int(s, n);
    stream_end(s);
}

static void stream_cache(struct stream *s, int luid)
{
    stream_head(s, "a.Cache", 2);
    stream_int(s, luid);
    stream_no_kwargs(s);
    stream_end(s);
}

static void stream_copy(struct stream *s)
{
    stream_head(s, "a.Copy", 1);
    stream_no_kwargs(s);
    stream_end(s);
}

/* The member that ends the session, if it is the first of its kind. */
static void stream_ending(struct stream *s, enum ending ending)
{
    switch (ending) {
    case BY_LIMIT:
        stream_numbered(s, "remote", 2);
        break;
    case BY_FACTORY:
        stream_numbered(s, "a.Made", 1);
        break;
    case BY_UNJELLY:
        stream_numbered(s, "a.Point", 1);
        break;
    case BY_LOADING:
        stream_numbered(s, "persistent", 1);
        break;
    default:
        stream_copy(s);
        break;
    }
}

/* A call whose arguments are a reference, a cache, a member that ends the session, which
 * is the last one of a nested expression, and then one of each kind, the last of them
 * refused. */
static struct stream call_new(enum ending ending)
{
    struct stream s = stream_new();
    stream_call(&s, "message", -1, "any");
    stream_head(&s, "tuple", 11);
    stream_numbered(&s, "remote", 1);
    stream_cache(&s, 1);
    stream_head(&s, ending == BY_UNJELLY ? "a.Made" : "a.Point", 1);
    stream_ending(&s, ending);
    stream_end(&s);
    stream_numbered(&s, "remote", 3);
    stream_numbered(&s, "a.Group", 4);
    stream_cache(&s, 2);
    stream_copy(&s);
    stream_numbered(&s, "a.Made", 1);
    stream_numbered(&s, "a.Point", 1);
    stream_numbered(&s, "persistent", 1);
    stream_head(&s, "no.Such", 2);
    stream_numbered(&s, "remote", 5);
    stream_numbered(&s, "cached", 1);
    stream_end(&s);
    stream_end(&s);
    stream_no_kwargs(&s);
    stream_end(&s);
    return s;
}

/* Gives the stream to a new session, in two parts. */
static void end_by(enum ending ending, void (*deed)(pb_session *s), size_t cut)
{
    struct work w = {.ending = ending, .deed = deed, .ended = ending == BY_LIMIT};
    pb_object *root = pb_object_new(&root_class, NULL);
    pb_registry *g = things_new();
    work = &w;
    victim_begin(&w.victim,
                 (pb_session_config){.root = root,
                                     .registry = g,
                                     .max_held = ending == BY_LIMIT ? 1 : 0,
                                     .jelly.persistent_load = load_thing},
                 0);
    pb_registry_unref(g);
    pb_object_unref(root);
    struct stream s = call_new(ending);
    pb_span all = pb_encoder_send(s.encoder);
    pb_session *v = w.victim.session;
    int e = pb_session_recv(v, (pb_span){all.data, cut}, 0);
    e = e ? e : pb_session_recv(v, (pb_span){all.data + cut, all.len - cut}, 0);
    pb_encoder_free(s.encoder);
    cr_assert(w.ended);
    cr_assert_eq(w.after, 0, "%d, cut at %zu: %zu callbacks", ending, cut, w.after);
    cr_assert_eq(w.victim.why.code, ending == BY_LIMIT ? PB_ERR_LIMIT : PB_OK);
    cr_assert_eq(e, ending == BY_LIMIT ? PB_ERR_LIMIT : PB_ERR_LOST);
    if (deed != pb_session_free || ending == BY_LIMIT) {
        pb_session_stats stats;
        pb_session_get_stats(v, &stats);
        cr_assert_eq(stats.held, 0);
        cr_assert_eq(pb_session_recv(v, BYTES("\x01"), 0), e);
        victim_end(&w.victim);
    }
    cr_assert_eq(w.constructed, w.destroyed);
    cr_assert_eq(pb__test_live(), 0, "%d, cut at %zu: %ld blocks", ending, cut,
                 pb__test_live());
}

PB_TEST(end, in_a_message_stops_reading_it)
{
    for (int ending = 0; ending < ENDINGS; ending++) {
        struct stream s = call_new((enum ending)ending);
        size_t len = pb_encoder_send(s.encoder).len;
        pb_encoder_free(s.encoder);
        for (size_t deed = 0; deed < sizeof deeds / sizeof *deeds; deed++) {
            for (size_t cut = 1; cut < len; cut++) {
                end_by((enum ending)ending, deeds[deed], cut);
            }
        }
    }
}

/* ---- In a refused expression, whose references are still counted ---- */

PB_TEST(end, at_a_reference_in_a_refused_expression)
{
    struct work w = {.ending = BY_LIMIT, .ended = true};
    pb_registry *g = things_new();
    work = &w;
    victim_begin(&w.victim, (pb_session_config){.registry = g, .max_held = 1}, 0);
    pb_registry_unref(g);
    struct stream s = stream_new();
    stream_call(&s, "message", -1, "any");
    stream_head(&s, "tuple", 2);
    stream_numbered(&s, "remote", 1);
    stream_head(&s, "no.Such", 1);
    stream_numbered(&s, "remote", 2);
    stream_end(&s);
    stream_end(&s);
    stream_head(&s, "a.Made", 1);
    stream_no_kwargs(&s);
    stream_end(&s);
    stream_end(&s);
    victim_feed(&w.victim, &s);
    cr_assert_eq(w.after, 0);
    cr_assert_str_eq(w.victim.why.text,
                     "the peer has sent more than 1 references, the limit");
    victim_end(&w.victim);
    cr_assert_eq(pb__test_live(), 0);
}
