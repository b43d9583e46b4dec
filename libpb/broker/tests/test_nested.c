/* SPDX-License-Identifier: MIT
 *
 * Receiving inside a callback: later input is handled in order while the message of the
 * callback is still being handled; where that is impossible, it is refused. */
#include "libpb/broker/tests/service.h"

struct bytes {
    uint8_t data[512];
    size_t len;
};

/* The data for the callbacks of a test; the next callback calls `run`, once. */
struct nest {
    struct pair *p;
    void (*run)(struct nest *n);
    struct bytes more; /* input that run passes to the server */
    pb_value *got;     /* by the last call of get */
    pb_request *kept;  /* by the last call of kept */
};

static struct nest *nest; /* of the test that runs, as construct has no user_data */

static void run_once(struct nest *n)
{
    void (*run)(struct nest * n) = n->run;
    n->run = NULL;
    if (run) {
        run(n);
    }
}

/* Notes its argument, calls run, and answers with its argument. */
static int serve_say(void *self, pb_request *r)
{
    struct nest *n = self;
    pb_value *what;
    int e = pb_request_unpack(r, "O", &what);
    if (e) {
        return e;
    }
    note_value(n->p, "begin", what);
    run_once(n);
    note_value(n->p, "end", what);
    return pb_request_answer_steal(r, pb_value_ref(what));
}

static int serve_whose(void *self, pb_request *r)
{
    struct nest *n = self;
    pb_value *what;
    int e = pb_request_unpack(r, "O", &what);
    if (e == 0) {
        pb_object *whose = pb_remote_perspective(pb_as_remote(what));
        note(n->p, "a reference for %s", whose ? pb_object_class(whose)->name : "nobody");
    }
    return e;
}

static const pb_class avatar_class = {.name = "Avatar"};
static const pb_class room_class = {.name = "Room",
                                    .flavor = PB_FLAVOR_VIEWABLE,
                                    .view =
                                        (const pb_method[]){{"whose", serve_whose}, {0}}};

static int serve_room(void *self, pb_request *r)
{
    pb_object *avatar = pb_object_new(&avatar_class, NULL);
    pb_object *room = pb_object_new(&room_class, self);
    int e =
        pb_request_answer_steal(r, pb_object_value_steal(pb_viewpoint_new(avatar, room)));
    pb_object_unref(avatar);
    pb_object_unref(room);
    return e;
}

static const pb_class nest_class = {
    .name = "Nest",
    .remote = (const pb_method[]){{"say", serve_say}, {"room", serve_room}, {0}}};

/* A pair whose server has the methods. */
static void open_nest(struct nest *n, struct pair *p)
{
    *p = (struct pair){.now = 1000};
    *n = (struct nest){.p = p};
    nest = n;
    pb_object *root = pb_object_new(&nest_class, n);
    cr_assert(pair_open(p, (pb_session_config){0}, (pb_session_config){.root = root}));
    pb_object_unref(root);
    talk(p);
    p->log_len = 0;
}

static void expect_log(struct pair *p, const char *expected)
{
    cr_assert_str_eq(p->log, expected, "%s", p->log);
    p->log_len = 0;
    p->log[0] = '\0';
}

/* For tests in which the server got bytes that the client did not send. */
static void lose_both(struct pair *p)
{
    pb_session_lost(p->client, NULL);
    if (p->server) {
        pb_session_lost(p->server, NULL);
    }
    pair_close_both(p);
}

static void say(struct pair *p, int64_t what)
{
    cr_assert_eq(call_root(p, p->client, "say", pb_build(NULL, "(L)", what), NULL), 0);
}

static struct bytes copy(pb_span s)
{
    struct bytes b = {.len = s.len};
    cr_assert_leq(b.len, sizeof b.data);
    memcpy(b.data, s.data, b.len);
    return b;
}

/* Takes the output of a session. */
static struct bytes spoken(pb_session *s)
{
    struct bytes b = copy(pb_session_send(s));
    pb_session_sent(s, b.len, 1000);
    return b;
}

static struct bytes one_call(struct pair *p, int64_t what)
{
    say(p, what);
    return spoken(p->client);
}

static struct bytes from(const struct bytes *b, size_t at)
{
    return copy((pb_span){b->data + at, b->len - at});
}

/* a, and n bytes of b. */
static struct bytes join(struct bytes a, const struct bytes *b, size_t n)
{
    memcpy(a.data + a.len, b->data, n);
    a.len += n;
    return a;
}

static int give(pb_session *s, const struct bytes *b)
{
    return pb_session_recv(s, (pb_span){b->data, b->len}, 1000);
}

static void give_more(struct nest *n)
{
    struct bytes more = n->more;
    (void)give(n->p->server, &more);
}

static void tick(struct nest *n)
{
    cr_assert_eq(pb_session_deadline(n->p->server), 1000, "there is more to handle");
    cr_assert_eq(pb_session_tick(n->p->server, 1000), 0);
}

#define IN_ORDER "begin 1\nbegin 2\nend 2\nbegin 3\nend 3\nend 1\n"

/* Input after the message is handled, with new input or without. */
PB_TEST(nested, goes_on_with_the_rest)
{
    void (*const ways[])(struct nest * n) = {give_more, tick};
    for (size_t i = 0; i < 2; i++) {
        struct pair p;
        struct nest n;
        open_nest(&n, &p);
        for (int64_t k = 1; k <= 3; k++) {
            say(&p, k);
        }
        struct bytes all = spoken(p.client);
        n.run = ways[i];
        cr_assert_eq(give(p.server, &all), 0);
        expect_log(&p, IN_ORDER);
        talk(&p);
        expect_log(&p, "answer 2\nanswer 3\nanswer 1\n");
        pair_close_both(&p);
    }
}

/* However the input is cut. */
PB_TEST(nested, keeps_the_order_of_input)
{
    struct pair p;
    struct nest n;
    open_nest(&n, &p);
    struct bytes first = one_call(&p, 1), second = one_call(&p, 2),
                 third = one_call(&p, 3);
    for (size_t cut = 0; cut <= second.len; cut++) {
        struct bytes begin = join(first, &second, cut);
        n.more = join(from(&second, cut), &third, third.len);
        n.run = give_more;
        cr_assert_eq(give(p.server, &begin), 0);
        expect_log(&p, IN_ORDER);
    }
    lose_both(&p);
}

static void give_more_to_a_paused_one(struct nest *n)
{
    pb_session_pause(n->p->server);
    give_more(n);
    cr_assert(!pb_session_want_recv(n->p->server));
}

/* Messages that are not handled now are stored, in order. */
PB_TEST(nested, keeps_what_it_does_not_handle)
{
    struct pair p;
    struct nest n;
    open_nest(&n, &p);
    struct bytes first = one_call(&p, 1), second = one_call(&p, 2);
    first = join(first, &second, second.len);
    n.more = one_call(&p, 3);
    n.run = give_more_to_a_paused_one;
    cr_assert_eq(give(p.server, &first), 0);
    struct bytes fourth = one_call(&p, 4);
    cr_assert_eq(give(p.server, &fourth), 0);
    expect_log(&p, "begin 1\nend 1\n");
    pb_session_resume(p.server);
    cr_assert_eq(pb_session_tick(p.server, 1000), 0);
    expect_log(&p, "begin 2\nend 2\nbegin 3\nend 3\nbegin 4\nend 4\n");
    talk(&p);
    expect_log(&p, "answer 1\nanswer 2\nanswer 3\nanswer 4\n");
    pair_close_both(&p);
}

static void give_garbage(struct nest *n)
{
    for (int i = 0; i < 2; i++) { /* for an open session, and for a closed one */
        cr_assert_eq(pb_session_recv(n->p->server, BYTES("\x01\x99"), 1000),
                     PB_ERR_SYNTAX);
        cr_assert(pb_session_is_closed(n->p->server));
    }
    note(n->p, "after the end");
}

/* The callbacks for the end of a session wait for the outermost callback. */
PB_TEST(nested, an_end_waits)
{
    struct pair p;
    struct nest n;
    open_nest(&n, &p);
    call_root(&p, p.server, "any", pb_build(NULL, "()"), NULL);
    struct bytes call = one_call(&p, 1);
    n.run = give_garbage;
    cr_assert_eq(give(p.server, &call), PB_ERR_SYNTAX);
    expect_log(&p,
               "begin 1\nafter the end\nend 1\n"
               "failure -10 twisted.spread.pb.PBConnectionLost: Invalid Type Byte 0x99\n"
               "server closed -5 message 4: Invalid Type Byte 0x99\n");
    lose_both(&p);
}

static void free_it(struct nest *n)
{
    pb_session_free(n->p->server);
    note(n->p, "freed");
}

static void free_inside(struct nest *n)
{
    n->run = free_it;
    give_more(n);
    cr_assert(pb_session_is_closed(n->p->server), "it is still there");
    note(n->p, "after that");
}

/* A session that is freed two calls deep is freed when the outermost call returns. */
PB_TEST(nested, a_free_waits)
{
    struct pair p;
    struct nest n;
    open_nest(&n, &p);
    struct bytes first = one_call(&p, 1), second = one_call(&p, 2);
    first = join(first, &second, second.len);
    n.run = free_inside;
    (void)give(p.server, &first);
    expect_log(&p, "begin 1\nbegin 2\nfreed\nend 2\nafter that\nend 1\nserver closed\n");
    p.server = NULL;
    lose_both(&p);
}

/* ---- During reading or writing of a message ---- */

/* The input is refused, and not read. */
static void is_refused(pb_session *s)
{
    cr_assert(!pb_session_want_recv(s));
    cr_assert_eq(pb_session_recv(s, BYTES("\x01\x99"), 1000), PB_ERR_STATE);
    cr_assert_eq(pb_session_tick(s, 1000), 0);
    cr_assert(!pb_session_is_closed(s));
    note(nest->p, "refused");
}

static pb_value *make_value(pb_value *state, pb_error *err, void *user_data)
{
    (void)err;
    (void)user_data;
    is_refused(nest->p->client);
    return pb_value_ref(state);
}

static int load(pb_value *id, pb_value **v, pb_error *err, void *user_data)
{
    (void)err;
    (void)user_data;
    is_refused(nest->p->server);
    *v = pb_value_ref(id);
    return 0;
}

static int save(pb_value *v, pb_value **id, pb_error *err, void *user_data)
{
    (void)v;
    (void)err;
    (void)user_data;
    is_refused(nest->p->client);
    *id = pb_int(7);
    return 0;
}

static pb_value *state_to_copy(void *self, pb_object *perspective, pb_error *err)
{
    (void)self;
    (void)perspective;
    is_refused(nest->p->server);
    return pb_build(err, "{}");
}

static const pb_class made_class = {
    .name = "shop.Made", .flavor = PB_FLAVOR_COPYABLE, .state_to_copy = state_to_copy};

static int give_made(void *self, pb_request *r)
{
    return pb_request_answer_steal(
        r, pb_object_value_steal(pb_object_new(&made_class, self)));
}

static const pb_class maker_class = {
    .name = "Maker",
    .remote = (const pb_method[]){{"made", give_made}, {"say", serve_say}, {0}}};

PB_TEST(nested, never_in_the_midst_of_a_message)
{
    struct pair p = {.now = 1000};
    struct nest n = {.p = &p};
    nest = &n;
    pb_registry *registry = pb_registry_new();
    pb_registry_set_factory(registry, "shop.Made", make_value, NULL);
    pb_object *root = pb_object_new(&maker_class, &n);
    const pb_jelly_config jelly = {.persistent_save = save, .persistent_load = load};
    cr_assert(pair_open(&p, (pb_session_config){.registry = registry, .jelly = jelly},
                        (pb_session_config){.root = root, .jelly = jelly}));
    pb_object_unref(root);
    talk(&p);
    p.log_len = 0;
    call_root(&p, p.client, "made", pb_build(NULL, "()"), NULL);
    talk(&p);
    expect_log(&p, "refused\nrefused\nanswer {}\n"); /* state_to_copy, the factory */
    pb_value *thing = pb_instance_steal("shop.Thing", pb_dict());
    call_root(&p, p.client, "say", pb_build(NULL, "(N)", thing), NULL);
    talk(&p);
    expect_log(&p, "refused\nrefused\nbegin 7\nend 7\nanswer 7\n");
    pair_close_both(&p);
    pb_registry_unref(registry);
}

/* ---- State of a message while others arrive ---- */

static void get(pb_value *result, pb_failure *failure, void *user_data)
{
    struct nest *n = user_data;
    cr_assert_null(failure);
    n->got = pb_value_ref(result);
}

/* A reference gets its perspective even if its message arrives in two parts: during the
 * callback, and after it. */
PB_TEST(nested, half_a_message)
{
    struct pair p;
    struct nest n;
    open_nest(&n, &p);
    pb_remote *root = pb_session_root(p.client);
    cr_assert_eq(pb_remote_call(root, "room", get, &n, NULL, ""), 0);
    talk(&p);
    pb_object *ours = pb_object_new(&avatar_class, NULL);
    cr_assert_eq(pb_remote_call(pb_as_remote(n.got), "whose", noted, &p, NULL, "N",
                                pb_object_value_steal(ours)),
                 0);
    struct bytes whose = spoken(p.client), call = one_call(&p, 1);
    for (size_t cut = 0; cut < whose.len; cut++) {
        struct bytes rest = from(&whose, cut);
        n.more = join((struct bytes){0}, &whose, cut);
        n.run = give_more;
        cr_assert_eq(give(p.server, &call), 0);
        cr_assert_eq(give(p.server, &rest), 0);
        expect_log(&p, "begin 1\nend 1\na reference for Avatar\n");
    }
    pb_session_lost(p.client, NULL);
    pb_session_lost(p.server, NULL);
    pb_remote_unref(root);
    pb_value_unref(n.got);
    pair_close_both(&p);
}

/* A received copy: set_state calls run, and may refuse the state. */
static int set_state(void *self, pb_value *state, pb_error *err)
{
    (void)self;
    const char *name = NULL;
    int bad = 0;
    cr_assert_eq(pb_unpack(state, NULL, "{s:s, s:i}", "name", &name, "bad", &bad), 0);
    note(nest->p, "state of %s", name);
    run_once(nest);
    note(nest->p, "%s has it", name);
    if (bad) {
        err->code = PB_ERR_RANGE;
        snprintf(err->text, sizeof err->text, "%s will not", name);
    }
    return err->code;
}

static const pb_class copy_class = {.name = "Copy", .set_state = set_state};

static pb_value *state_given(void *self, pb_object *perspective, pb_error *err)
{
    (void)perspective;
    (void)err;
    return pb_value_ref(self);
}

static void destroy_given(void *self)
{
    pb_value_unref(self);
}

static const pb_class given_class = {.name = "shop.Copy",
                                     .flavor = PB_FLAVOR_COPYABLE,
                                     .state_to_copy = state_given,
                                     .destroy = destroy_given};

static int give_copy(void *self, pb_request *r)
{
    (void)self;
    pb_value *state;
    int e = pb_request_unpack(r, "O", &state);
    return e ? e
             : pb_request_answer_steal(r, pb_object_value_steal(pb_object_new(
                                              &given_class, pb_value_ref(state))));
}

static const pb_class copier_class = {
    .name = "Copier", .remote = (const pb_method[]){{"copy", give_copy}, {0}}};

static void tick_client(struct nest *n)
{
    cr_assert_eq(pb_session_tick(n->p->client, 1000), 0);
}

/* Opens a pair whose server sends copies, and requests two. */
static pb_registry *ask_for_copies(struct nest *n, struct pair *p, int first, int second)
{
    *p = (struct pair){.now = 1000};
    *n = (struct nest){.p = p, .run = tick_client};
    nest = n;
    pb_registry *registry = pb_registry_new();
    pb_registry_set_class(registry, "shop.Copy", &copy_class);
    pb_object *root = pb_object_new(&copier_class, n);
    cr_assert(pair_open(p, (pb_session_config){.registry = registry},
                        (pb_session_config){.root = root}));
    pb_object_unref(root);
    talk(p);
    p->log_len = 0;
    pb_value *states[] = {pb_build(NULL, "({s:s, s:i})", "name", "one", "bad", first),
                          pb_build(NULL, "({s:s, s:i})", "name", "two", "bad", second)};
    for (size_t i = 0; i < 2; i++) {
        call_root(p, p->client, "copy", states[i], NULL);
    }
    talk(p);
    return registry;
}

/* Copies of two messages: each gets its state once, and each message fails for its own
 * copy. */
PB_TEST(nested, copies)
{
    static const char *const ends[2][2] = {
        {"answer <RemoteCopy Copy {'name': 'one', 'bad': 0}>\n",
         "answer <RemoteCopy Copy {'name': 'two', 'bad': 0}>\n"},
        {"failure -4 builtins.OverflowError: one will not\n",
         "failure -4 builtins.OverflowError: two will not\n"},
    };
    for (int first = 0; first < 2; first++) {
        for (int second = 0; second < 2; second++) {
            struct pair p;
            struct nest n;
            char expected[256];
            pb_registry *registry = ask_for_copies(&n, &p, first, second);
            snprintf(expected, sizeof expected,
                     "state of one\nstate of two\ntwo has it\n%sone has it\n%s",
                     ends[second][1], ends[first][0]);
            expect_log(&p, expected);
            pair_close_both(&p);
            pb_registry_unref(registry);
        }
    }
}

/* ---- Callbacks that end the call or session they belong to ---- */

static void close_server(struct nest *n)
{
    pb_session_close(n->p->server);
}

/* A copy among the arguments closes the session: the method is not called any more. */
PB_TEST(nested, arguments_that_close_the_session)
{
    struct pair p = {.now = 1000};
    struct nest n = {.p = &p, .run = close_server};
    nest = &n;
    pb_registry *registry = pb_registry_new();
    pb_registry_set_class(registry, "shop.Copy", &copy_class);
    pb_object *root = pb_object_new(&nest_class, &n);
    cr_assert(pair_open(&p, (pb_session_config){0},
                        (pb_session_config){.root = root, .registry = registry}));
    talk(&p);
    p.log_len = 0;
    pb_value *state = pb_build(NULL, "{s:s, s:i}", "name", "one", "bad", 0);
    call_root(
        &p, p.client, "say",
        pb_build(NULL, "(N)", pb_object_value_steal(pb_object_new(&given_class, state))),
        NULL);
    talk(&p);
    expect_log(&p, "state of one\none has it\nserver closed\n");
    pb_session_lost(p.client, NULL);
    pair_close_both(&p);
    pb_object_unref(root);
    pb_registry_unref(registry);
}

static pb_call *under_way;

static pb_value *state_that_cancels(void *self, pb_object *perspective, pb_error *err)
{
    (void)self;
    (void)perspective;
    note(nest->p, "cancels");
    pb_call_cancel(under_way);
    return pb_build(err, "{}");
}

static const pb_class cancelling_class = {.name = "shop.Copy",
                                          .flavor = PB_FLAVOR_COPYABLE,
                                          .state_to_copy = state_that_cancels};

/* A call that was made before the session was ready is cancelled while it is written. */
PB_TEST(nested, cancelled_while_it_is_written)
{
    for (int sent = 0; sent < 2; sent++) {
        struct pair p = {.now = 1000};
        struct nest n = {.p = &p};
        nest = &n;
        pb_object *root = pb_object_new(&nest_class, &n);
        cr_assert(
            pair_open(&p, (pb_session_config){0}, (pb_session_config){.root = root}));
        pb_remote *to = pb_session_root(p.client);
        pb_value *last = sent ? pb_int(1) : pb_name(PB_MODULE, "shop");
        pb_object *o = pb_object_new(&cancelling_class, NULL);
        pb_value *args = pb_build(NULL, "(NN)", pb_object_value_steal(o), last);
        cr_assert_eq(pb_remote_call_values(to, "any", args, NULL, NULL, noted, &p,
                                           &under_way, NULL),
                     0);
        pb_value_unref(args);
        talk(&p);
        expect_log(&p, "cancels\n"
                       "failure -12 twisted.internet.defer.CancelledError: "
                       "the call was cancelled\nclient ready\nserver ready\n");
        pb_remote_unref(to);
        pair_close_both(&p);
        pb_object_unref(root);
    }
}

static pb_value *state_to_cache(void *self, pb_object *perspective, pb_remote *observer,
                                pb_error *err)
{
    (void)self;
    (void)perspective;
    (void)observer;
    return pb_build(err, "{}");
}

static void stopped_and_calls(void *self, pb_object *perspective, pb_remote *observer)
{
    (void)self;
    (void)perspective;
    (void)observer;
    note(nest->p, "stopped");
    say(nest->p, 5);
}

static const pb_class calling_class = {.name = "shop.Cache",
                                       .flavor = PB_FLAVOR_CACHEABLE,
                                       .state_to_cache = state_to_cache,
                                       .stopped_observing = stopped_and_calls};

/* A call that is made after a message was taken back has a number of its own. */
PB_TEST(nested, called_when_a_message_is_taken_back)
{
    struct pair p;
    struct nest n;
    open_nest(&n, &p);
    /* The broker refuses a reference of another session; banana refuses a number. */
    struct pair other = {.now = 1000};
    cr_assert(pair_open(&other, (pb_session_config){0}, (pb_session_config){0}));
    talk(&other);
    pb_remote *stranger = pb_session_root(other.client);
    char digits[160] = "1";
    memset(digits + 1, '0', sizeof digits - 2);
    pb_value *refused[] = {pb_remote_value(stranger), pb_int_text(digits, NULL)};
    for (size_t i = 0; i < 2; i++) {
        pb_object *o = pb_object_new(&calling_class, NULL);
        pb_value *args = pb_build(NULL, "(NN)", pb_object_value_steal(o), refused[i]);
        pb_remote *root = pb_session_root(p.client);
        cr_assert_neq(
            pb_remote_call_values(root, "say", args, NULL, NULL, noted, &p, NULL, NULL),
            0);
        pb_value_unref(args);
        pb_remote_unref(root);
        talk(&p);
        expect_log(&p, "stopped\nbegin 5\nend 5\nanswer 5\n");
    }
    pb_remote_unref(stranger);
    pair_close_both(&other);
    pair_close_both(&p);
}

static void stopped_and_reads(void *self, pb_object *perspective, pb_remote *observer)
{
    (void)self;
    (void)perspective;
    (void)observer;
    note(nest->p, "stopped");
    give_more(nest);
}

static const pb_class reading_class = {.name = "shop.Cache",
                                       .flavor = PB_FLAVOR_CACHEABLE,
                                       .state_to_cache = state_to_cache,
                                       .stopped_observing = stopped_and_reads};

static int give_cache(void *self, pb_request *r)
{
    (void)self;
    return pb_request_answer_steal(
        r, pb_object_value_steal(pb_object_new(&reading_class, NULL)));
}

static const pb_class cacher_class = {
    .name = "Cacher", .remote = (const pb_method[]){{"cache", give_cache}, {0}}};

/* A cache is released once more during stopped_observing. */
PB_TEST(nested, given_back_twice)
{
    struct pair p = {.now = 1000};
    struct nest n = {.p = &p};
    nest = &n;
    pb_object *root = pb_object_new(&cacher_class, NULL);
    cr_assert(pair_open(&p, (pb_session_config){0}, (pb_session_config){.root = root}));
    pb_object_unref(root);
    talk(&p);
    struct bytes call = {0};
    call_root(&p, p.client, "cache", pb_build(NULL, "()"), NULL);
    call = spoken(p.client);
    cr_assert_eq(give(p.server, &call), 0);
    p.log_len = 0;
    static const uint8_t decache[] = "\x02\x80\x1e\x87\x01\x81"; /* the first number */
    n.more = copy((pb_span){decache, sizeof decache - 1});
    struct bytes first = n.more;
    cr_assert_eq(give(p.server, &first), PB_ERR_PROTOCOL);
    expect_log(&p, "stopped\nserver closed -8 message 5: decache.object: "
                   "decache of 1: the peer has no cache of it\n");
    lose_both(&p);
}

static void drop_request(pb_session *s, pb_log_level level, const char *text,
                         void *user_data)
{
    (void)s;
    (void)level;
    (void)text;
    (void)user_data;
    pb_request *r = nest->kept;
    nest->kept = NULL;
    pb_request_unref(r);
}

static int serve_kept(void *self, pb_request *r)
{
    ((struct nest *)self)->kept = pb_request_ref(r);
    return 0;
}

static const pb_class keeper_class = {
    .name = "Keeper", .remote = (const pb_method[]){{"kept", serve_kept}, {0}}};

/* The last owner of a request releases it while it is being answered. */
PB_TEST(nested, request_dropped_while_it_is_answered)
{
    for (int way = 0; way < 3; way++) {
        struct pair p = {.now = 1000};
        struct nest n = {.p = &p};
        nest = &n;
        pb_object *root = pb_object_new(&keeper_class, &n);
        cr_assert(pair_open(&p, (pb_session_config){0},
                            (pb_session_config){.root = root, .on_log = drop_request}));
        pb_object_unref(root);
        talk(&p);
        call_root(&p, p.client, "kept", pb_build(NULL, "()"), NULL);
        talk(&p);
        p.log_len = 0;
        pb_failure *f = pb_failure_new("builtins.TypeError", "bad", NULL);
        cr_assert_neq(way == 0 ? pb_request_answer_steal(n.kept, pb_name(PB_MODULE, "x"))
                      : way == 1
                          ? pb_request_fail_with(n.kept, f) + 1
                          : pb_request_fail(n.kept, "builtins.TypeError", "bad") + 1,
                      0);
        cr_assert_null(n.kept);
        talk(&p);
        cr_assert_eq(memcmp(p.log, "failure 0 builtins.", 19), 0, "%s", p.log);
        pb_failure_unref(f);
        pair_close_both(&p);
    }
}
