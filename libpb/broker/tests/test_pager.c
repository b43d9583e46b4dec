/* SPDX-License-Identifier: MIT
 *
 * Paging between two sessions: the order of output, each way in which it ends, and which
 * callbacks run. */
#include "libpb/broker/session.h"
#include "libpb/broker/tests/pair.h"
#include "pb/paging.h"

/* ---- A server that pages ---- */

struct server {
    struct pair *p;
    pb_pager *pager;
    FILE *file;
    int left;   /* pages of the source */
    bool dry;   /* it has no page now */
    bool hasty; /* it resumes before it has reported that */
    bool fails; /* it fails after the first */
    pb_object *root;
};

static void paged(const pb_error *why, void *user_data)
{
    struct server *v = user_data;
    v->pager = NULL;
    note(v->p, "paged %d %s", why->code, why->text);
}

static void source_done(void *self, const pb_error *why)
{
    paged(why, self);
}

static int do_bytes(void *self, pb_request *r)
{
    struct server *v = self;
    pb_value *collector, *bytes;
    int chunk;
    int e = pb_request_unpack(r, "OOi", &collector, &bytes, &chunk);
    return e ? e
             : pb_page_bytes(pb_as_remote(collector), bytes, (size_t)chunk, paged, v,
                             &v->pager);
}

static int do_file(void *self, pb_request *r)
{
    struct server *v = self;
    pb_value *collector;
    int chunk;
    int e = pb_request_unpack(r, "Oi", &collector, &chunk);
    rewind(v->file);
    return e ? e
             : pb_page_file(pb_as_remote(collector), v->file, (size_t)chunk, paged, v,
                            &v->pager);
}

static int next_page(void *self, pb_value **page, bool *last, pb_error *err)
{
    struct server *v = self;
    (void)err;
    if (v->dry) {
        if (v->hasty) {
            v->dry = false;
            pb_pager_resume(v->pager);
        }
        return 0;
    }
    if (v->fails && v->left < 3) {
        return PB_ERR_RANGE;
    }
    *last = --v->left == 0;
    *page = pb_int(v->left);
    return 0;
}

static const pb_page_source source = {.next_page = next_page, .done = source_done};

static int do_source(void *self, pb_request *r)
{
    struct server *v = self;
    pb_value *collector;
    int e = pb_request_unpack(r, "O", &collector);
    v->left = 3;
    return e ? e : pb_page(pb_as_remote(collector), &source, v, &v->pager);
}

static int do_fail(void *self, pb_request *r)
{
    (void)self;
    return pb_request_fail(r, "builtins.ValueError", "no pages");
}

static int do_nothing(void *self, pb_request *r)
{
    (void)self;
    (void)r;
    return 0;
}

static const pb_method methods[] = {{"bytes", do_bytes},     {"file", do_file},
                                    {"source", do_source},   {"fail", do_fail},
                                    {"nothing", do_nothing}, {0}};
static const pb_class server_class = {.name = "Server", .remote = methods};

static bool open_server(struct pair *p, struct server *v, pb_session_config config)
{
    *v = (struct server){.p = p, .file = tmpfile()};
    fputs("0123456789", v->file);
    v->root = config.root = pb_object_new(&server_class, v);
    return v->root && pair_open(p, (pb_session_config){.jelly = config.jelly}, config);
}

static void close_server(struct pair *p, struct server *v)
{
    pair_close_both(p);
    pb_object_unref(v->root);
    fclose(v->file);
}

/* Lets both talk, and page, until nothing is left to do. */
static void page(struct pair *p)
{
    bool more;
    do {
        talk(p);
        more = false;
        pb_session *both[] = {p->client, p->server};
        for (int i = 0; i < 2; i++) {
            if (pb_session_deadline(both[i]) <= p->now) {
                pb_session_tick(both[i], p->now);
                more = more || pb_session_want_send(both[i]) ||
                       pb_session_deadline(both[i]) <= p->now;
            }
        }
    } while (more);
}

static int get_all(struct pair *p, const char *method, const char *args)
{
    pb_remote *root = pb_session_root(p->client);
    pb_value *v = args ? pb_value_parse(args, NULL) : NULL;
    int failed = !root || (args && !v)
                     ? PB_ERR_NOMEM
                     : pb_get_all_pages(root, method, v, NULL, NULL, noted, p, NULL);
    pb_value_unref(v);
    pb_remote_unref(root);
    return failed;
}

static void all_pages(struct pair *p)
{
    struct server v;
    cr_assert(open_server(p, &v, (pb_session_config){0}));
    static const char *const each[] = {"(b'abcdefg', 3)", "(b'abcdef', 3)", "(b'', 3)"};
    for (int i = 0; i < 3; i++) {
        get_all(p, "bytes", each[i]);
        page(p);
    }
    get_all(p, "file", "(4,)");
    page(p);
    get_all(p, "file", "(5,)");
    page(p);
    get_all(p, "source", NULL);
    page(p);
    close_server(p, &v);
}

PB_TEST(pager, sends_all_pages)
{
    converse(all_pages, "client ready\nserver ready\n"
                        "paged 0 \nanswer [b'abc', b'def', b'g']\n"
                        "paged 0 \nanswer [b'abc', b'def']\n"
                        "paged 0 \nanswer [b'']\n"
                        "paged 0 \nanswer [b'0123', b'4567', b'89']\n"
                        "paged 0 \nanswer [b'01234', b'56789']\n"
                        "paged 0 \nanswer [2, 1, 0]\n"
                        "client closed\nserver closed\n");
}

/* Old peers expect an answer. */
static void with_answers(struct pair *p)
{
    struct server v;
    cr_assert(open_server(
        p, &v,
        (pb_session_config){.jelly.profile = {.python_major = 2, .twisted = 1302}}));
    get_all(p, "bytes", "(b'abc', 2)");
    page(p);
    close_server(p, &v);
}

PB_TEST(pager, asks_for_answers_where_the_profile_does)
{
    converse(with_answers,
             "client ready\nserver ready\n"
             "paged 0 \nanswer [b'ab', b'c']\nclient closed\nserver closed\n");
}

static void not_at_all(struct pair *p)
{
    struct server v;
    cr_assert(open_server(p, &v, (pb_session_config){0}));
    get_all(p, "fail", NULL);
    page(p);
    get_all(p, "nothing", NULL);
    page(p);
    get_all(p, "missing", NULL);
    page(p);
    v.fails = true;
    get_all(p, "source", NULL);
    page(p);
    get_all(p, "bytes", "(1, 2)");
    page(p);
    cr_assert_eq(get_all(p, "bytes", "[1]"), PB_ERR_TYPE);
    cr_assert_eq(get_all(p, "bytes", "'text'"), PB_ERR_TYPE);
    cr_assert_eq(pb_get_all_pages(NULL, "bytes", NULL, NULL, NULL, noted, p, NULL),
                 PB_ERR_ARG);
    cr_assert_eq(pb_page_file(NULL, NULL, 0, NULL, NULL, NULL), PB_ERR_ARG);
    cr_assert_eq(pb_page(NULL, &source, &v, NULL), PB_ERR_ARG);
    cr_assert_eq(pb_page_bytes(NULL, NULL, 0, NULL, NULL, NULL), PB_ERR_ARG);
    close_server(p, &v);
}

PB_TEST(pager, ends_without_all)
{
    converse(not_at_all, "client ready\nserver ready\n"
                         "failure 0 builtins.ValueError: no pages\n"
                         "failure -10 twisted.spread.pb.PBConnectionLost: "
                         "the collector was released before the paging ended\n"
                         "failure 0 twisted.spread.flavors.NoSuchMethod: No such method: "
                         "remote_missing\n"
                         "paged -4 number out of range\nanswer [2]\n"
                         "failure 0 builtins.TypeError: wrong kind of value\n"
                         "client closed\nserver closed\n");
}

static void in_turns(struct pair *p)
{
    struct server v;
    cr_assert(open_server(p, &v, (pb_session_config){0}));
    get_all(p, "bytes", "(b'aabb', 2)");
    get_all(p, "bytes", "(b'xyz', 1)");
    talk(p);
    /* One page of each pager per turn, the latest first, and none while other output
     * waits. */
    for (int i = 0; i < 3; i++) {
        cr_assert_leq(pb_session_deadline(p->server), p->now);
        pb_session_tick(p->server, p->now);
        size_t queued = pb_session_send(p->server).len;
        pb_session_tick(p->server, p->now);
        cr_assert_eq(pb_session_send(p->server).len, queued);
        talk(p);
        note(p, "turn");
    }
    cr_assert_gt(pb_session_deadline(p->server), p->now);
    close_server(p, &v);
}

PB_TEST(pager, takes_turns)
{
    converse(in_turns, "client ready\nserver ready\n"
                       "turn\npaged 0 \nanswer [b'aa', b'bb']\nturn\n"
                       "paged 0 \nanswer [b'x', b'y', b'z']\nturn\n"
                       "client closed\nserver closed\n");
}

static void stop_and_go(struct pair *p)
{
    struct server v;
    cr_assert(open_server(p, &v, (pb_session_config){0}));
    v.dry = true;
    get_all(p, "source", NULL);
    page(p);
    note(p, "dry");
    v.dry = false;
    pb_pager_resume(v.pager);
    page(p);
    get_all(p, "source", NULL);
    talk(p);
    pb_session_tick(p->server, p->now);
    talk(p);
    pb_pager_stop(v.pager);
    page(p);
    v.dry = v.hasty = true;
    get_all(p, "source", NULL);
    page(p);
    close_server(p, &v);
}

PB_TEST(pager, stops_and_goes_on)
{
    converse(stop_and_go, "client ready\nserver ready\n"
                          "dry\npaged 0 \nanswer [2, 1, 0]\n"
                          "paged 0 \nanswer [2]\npaged 0 \nanswer [2, 1, 0]\n"
                          "client closed\nserver closed\n");
}

static void counted(struct pair *p)
{
    struct server v;
    pb_session_stats stats;
    cr_assert(open_server(p, &v, (pb_session_config){0}));
    v.dry = true;
    get_all(p, "source", NULL);
    get_all(p, "bytes", "(b'abc', 2)");
    talk(p);
    pb_session_get_stats(p->server, &stats);
    note(p, "paging %zu", stats.paging);
    pb_session_tick(p->server, p->now);
    talk(p);
    pb_session_close(p->server);
    pb_session_lost(p->client, NULL);
    close_server(p, &v);
}

PB_TEST(pager, is_counted_and_ends_with_an_own_close)
{
    converse(counted, "client ready\nserver ready\npaging 2\n"
                      "paged -10 the connection was closed\n"
                      "paged -10 the connection was closed\nserver closed\n"
                      "failure -10 twisted.spread.pb.PBConnectionLost: "
                      "the peer closed the connection\n"
                      "failure -10 twisted.spread.pb.PBConnectionLost: "
                      "the collector was released before the paging ended\n"
                      "client closed -10 : the peer closed the connection\n");
}

static void lost(struct pair *p)
{
    struct server v;
    cr_assert(open_server(p, &v, (pb_session_config){0}));
    get_all(p, "source", NULL);
    talk(p);
    pb_session_tick(p->server, p->now);
    talk(p);
    pb_session_lost(p->server, NULL);
    pb_session_lost(p->client, NULL);
    close_server(p, &v);
}

PB_TEST(pager, ends_with_the_connection)
{
    converse(lost, "client ready\nserver ready\n"
                   "paged -10 the peer closed the connection\n"
                   "server closed -10 : the peer closed the connection\n"
                   "failure -10 twisted.spread.pb.PBConnectionLost: "
                   "the peer closed the connection\n"
                   "client closed -10 : the peer closed the connection\n");
}

static void too_many(struct pair *p)
{
    struct server v;
    cr_assert(open_server(p, &v, (pb_session_config){0}));
    talk(p);
    pb_session_set_limits(p->client, &(pb_limits){.message = 100});
    fseek(v.file, 0, SEEK_END);
    for (int i = 0; i < 91; i++) {
        fputc('x', v.file);
    }
    get_all(p, "file", "(20,)");
    page(p);
    pb_session_set_limits(p->client, &(pb_limits){.values = 25});
    get_all(p, "source", NULL);
    page(p);
    close_server(p, &v);
}

PB_TEST(pager, gathers_to_the_limit)
{
    converse(too_many, "client ready\nserver ready\n"
                       "failure -6 twisted.spread.banana.BananaError: "
                       "the pages have more than 100 bytes\npaged 0 \n"
                       "paged 0 \nfailure -6 twisted.spread.banana.BananaError: "
                       "the pages have more than 25 values\n"
                       "client closed\nserver closed\n");
}

/* ---- Collectors ---- */

static int got(pb_value *v, pb_error *err, void *user_data)
{
    (void)err;
    struct pair *p = user_data;
    note_value(p, "got", v);
    pb_session_pause(p->client);
    return 0;
}

static void no_more(const pb_error *why, void *user_data)
{
    note(user_data, "no more %d", why->code);
}

static const pb_collector_ops collecting = {.page = got, .end = no_more};

static void slowly(struct pair *p)
{
    struct server v;
    cr_assert(open_server(p, &v, (pb_session_config){0}));
    talk(p);
    pb_object *collector = pb_collector_new(&collecting, p);
    pb_value *bytes = pb_build(NULL, "y", "abc");
    call_root(p, p->client, "bytes",
              pb_build(NULL, "(NOi)", pb_object_value_steal(collector), bytes, 1), NULL);
    pb_value_unref(bytes);
    talk(p);
    for (int i = 0; i < 3; i++) {
        cr_assert(pb_session_want_recv(p->client));
        pb_session_tick(p->server, p->now);
        talk(p);
        cr_assert_not(pb_session_want_recv(p->client));
        pb_session_resume(p->client);
        pb_session_tick(p->client, p->now);
    }
    talk(p);
    close_server(p, &v);
}

PB_TEST(pager, waits_for_a_slow_collector)
{
    converse(slowly, "client ready\nserver ready\nanswer None\n"
                     "got b'a'\ngot b'b'\npaged 0 \ngot b'c'\nno more 0\n"
                     "client closed\nserver closed\n");
}

/* ---- Without memory ---- */

static int whole_paging(void *user_data)
{
    (void)user_data;
    struct pair *p = calloc(1, sizeof *p);
    struct server v;
    int failed = PB_ERR_NOMEM;
    if (open_server(p, &v, (pb_session_config){0})) {
        talk(p);
        failed = get_all(p, "bytes", "(b'abc', 2)");
        page(p);
        int second = failed ? failed : get_all(p, "file", "(4,)");
        page(p);
        failed = second || !strstr(p->log, "b'89']") ? PB_ERR_NOMEM : 0;
    }
    pb_session_free(p->client);
    pb_session_free(p->server);
    pb_object_unref(v.root);
    fclose(v.file);
    free(p);
    return failed;
}

PB_TEST(pager, without_memory)
{
    pb__test_each_failure(whole_paging, NULL);
}
