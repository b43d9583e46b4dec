/* SPDX-License-Identifier: MIT
 *
 * A collector, called by its peer: each way in which collecting ends, exactly once, and
 * that no page is lost without an error. */
#include "libpb/base/error.h"
#include "libpb/broker/tests/pair.h"
#include "pb/local.h"
#include "pb/paging.h"

struct holder {
    struct pair *p;
    pb_object *root, *collector;
    pb_remote *peers; /* the peer's reference to the collector */
    int refuse;       /* the answer to the next page */
    const char *why;  /* and the text for it; NULL: none */
};

static int got(pb_value *page, pb_error *err, void *user_data)
{
    struct holder *h = user_data;
    note_value(h->p, "got", page);
    if (h->refuse && h->why) {
        pb__error_set(err, h->refuse, 0, "%s", h->why);
    }
    return h->refuse;
}

static void over(const pb_error *why, void *user_data)
{
    note(((struct holder *)user_data)->p, "end %d %s", why->code, why->text);
}

static const pb_collector_ops ops = {.page = got, .end = over};

static int do_collector(void *self, pb_request *r)
{
    return pb_request_answer_steal(r,
                                   pb_object_value(((struct holder *)self)->collector));
}

static const pb_method methods[] = {{"collector", do_collector}, {0}};
static const pb_class holder_class = {.name = "Holder", .remote = methods};

static void keep(pb_value *result, pb_failure *failure, void *user_data)
{
    struct holder *h = user_data;
    cr_assert_null(failure);
    h->peers = pb_remote_ref(pb_as_remote(result));
}

static void open_holder(struct pair *p, struct holder *h)
{
    *h = (struct holder){.p = p};
    h->root = pb_object_new(&holder_class, h);
    h->collector = pb_collector_new(&ops, h);
    cr_assert(pair_open(p, (pb_session_config){0}, (pb_session_config){.root = h->root}));
    pb_remote *root = pb_session_root(p->client);
    cr_assert_eq(pb_remote_call(root, "collector", keep, h, NULL, ""), 0);
    pb_remote_unref(root);
    talk(p);
}

static void close_holder(struct pair *p, struct holder *h)
{
    pb_remote_unref(h->peers);
    talk(p);
    pair_close_both(p);
    pb_object_unref(h->root);
    pb_object_unref(h->collector);
}

static void page(struct holder *h, const char *args)
{
    pb_value *v = pb_value_parse(args, NULL);
    cr_assert_eq(pb_remote_call_values(h->peers, "gotPage", v, NULL, NULL, noted, h->p,
                                       NULL, NULL),
                 0);
    pb_value_unref(v);
    talk(h->p);
}

static void refusing(struct pair *p)
{
    struct holder h;
    open_holder(p, &h);
    page(&h, "(1,)");
    h.refuse = PB_ERR_RANGE;
    page(&h, "(2,)");
    page(&h, "(3,)");
    close_holder(p, &h);
}

static void refusing_with_a_reason(struct pair *p)
{
    struct holder h;
    open_holder(p, &h);
    h.refuse = PB_ERR_RANGE;
    h.why = "the disk is full";
    page(&h, "(1,)");
    page(&h, "(2,)");
    close_holder(p, &h);
}

PB_TEST(collector, ends_with_the_reason_that_a_page_was_refused_for)
{
    converse(refusing_with_a_reason,
             "client ready\nserver ready\n"
             "got 1\nend -4 the disk is full\n"
             "failure 0 builtins.OverflowError: the disk is full\n"
             "answer None\nclient closed\nserver closed\n");
}

PB_TEST(collector, ends_where_a_page_is_refused)
{
    converse(refusing, "client ready\nserver ready\n"
                       "got 1\nanswer None\n"
                       "got 2\nend -4 a page was refused: number out of range\n"
                       "failure 0 builtins.OverflowError: number out of range\n"
                       "answer None\nclient closed\nserver closed\n");
}

static void without_a_page(struct pair *p)
{
    struct holder h;
    open_holder(p, &h);
    page(&h, "()");
    close_holder(p, &h);
}

PB_TEST(collector, ends_where_a_page_is_missing)
{
    converse(without_a_page,
             "client ready\nserver ready\n"
             "end -3 a page was refused: wrong kind of value\n"
             "failure 0 builtins.TypeError: CallbackPageCollector.remote_gotPage() "
             "missing 1 required positional argument: 'page'\n"
             "client closed\nserver closed\n");
}

static void ended(struct pair *p)
{
    struct holder h;
    open_holder(p, &h);
    page(&h, "('a',)");
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(pb_remote_call(h.peers, "endedPaging", noted, p, NULL, ""), 0);
        talk(p);
    }
    page(&h, "('b',)");
    close_holder(p, &h);
}

PB_TEST(collector, ends_once)
{
    converse(ended, "client ready\nserver ready\ngot 'a'\nanswer None\n"
                    "end 0 \nanswer None\nanswer None\nanswer None\n"
                    "client closed\nserver closed\n");
}

static void given_back(struct pair *p)
{
    struct holder h;
    open_holder(p, &h);
    pb_object_unref(h.collector);
    h.collector = NULL;
    page(&h, "(b'',)");
    close_holder(p, &h);
}

PB_TEST(collector, ends_when_it_is_given_back)
{
    converse(given_back, "client ready\nserver ready\ngot b''\nanswer None\n"
                         "end -10 the collector was released before the paging ended\n"
                         "client closed\nserver closed\n");
}

static void own_close(struct pair *p)
{
    struct holder h;
    open_holder(p, &h);
    page(&h, "(0,)");
    pb_session_close(p->server);
    pb_session_lost(p->client, NULL);
    close_holder(p, &h);
}

PB_TEST(collector, ends_with_the_connection)
{
    converse(own_close, "client ready\nserver ready\ngot 0\nanswer None\n"
                        "end -10 the connection was closed\nserver closed\n"
                        "client closed -10 : the peer closed the connection\n");
}

/* Requests pages before the session is ready. */
static struct pair *asking_early(pb_value *args, int64_t timeout)
{
    struct pair *p = calloc(1, sizeof *p);
    const pb_call_options options = {.timeout = timeout};
    cr_assert(pair_open(p, (pb_session_config){0}, (pb_session_config){0}));
    pb_remote *root = pb_session_root(p->client);
    cr_assert_eq(pb_get_all_pages(root, "pages", args, NULL, &options, noted, p, NULL),
                 0);
    pb_remote_unref(root);
    pb_value_unref(args);
    return p;
}

static void told_early(struct pair *p, const char *expected)
{
    cr_assert_str_eq(p->log, expected);
    pb_session_close(p->client);
    pb_session_close(p->server);
    pair_close_both(p);
    free(p);
}

/* The failure has the reason why the call failed, not that its collector was released. */
PB_TEST(collector, tells_why_the_call_was_never_sent)
{
    const pb_error why = {.code = PB_ERR_SYSTEM, .text = "connection refused"};
    struct pair *p = asking_early(NULL, 0);
    pb_session_lost(p->client, &why);
    told_early(p, "failure -10 twisted.spread.pb.PBConnectionLost: connection refused\n"
                  "client closed -16 : connection refused\n");
    p = asking_early(NULL, 5);
    pb_session_tick(p->client, 0);
    pb_session_tick(p->client, 5);
    told_early(p, "failure -11 twisted.internet.defer.TimeoutError: the call was not "
                  "answered in time\n");
    p = asking_early(pb_build(NULL, "(N)", pb_name(PB_FUNCTION, "a.b")), 0);
    talk(p);
    told_early(
        p,
        "failure -3 builtins.TypeError: Banana cannot send builtins.str objects: 'a.b'\n"
        "client ready\nserver ready\n");
}

/* A collector can be called locally, for example in a test without a network. */
PB_TEST(collector, may_be_called_here)
{
    struct pair *p = calloc(1, sizeof *p);
    struct holder h = {.p = p};
    h.collector = pb_collector_new(&ops, &h);
    pb_remote *r = pb_local_as_remote(h.collector);
    pb_object_unref(h.collector);
    cr_assert_eq(pb_remote_call(r, "gotPage", noted, p, NULL, "i", 1), 0);
    cr_assert_eq(pb_remote_call(r, "endedPaging", noted, p, NULL, ""), 0);
    pb_remote_unref(r);
    cr_assert_str_eq(p->log, "got 1\nanswer None\nend 0 \nanswer None\n");
    free(p);
}

/* ---- Without memory ---- */

/* Whichever allocation fails, either the pages are complete, or `end` gets an error. */
static int collect(void *user_data)
{
    (void)user_data;
    struct pair *p = calloc(1, sizeof *p);
    struct holder h = {.p = p};
    h.root = pb_object_new(&holder_class, &h);
    h.collector = h.root ? pb_collector_new(&ops, &h) : NULL;
    int failed = PB_ERR_NOMEM;
    if (h.collector &&
        pair_open(p, (pb_session_config){0}, (pb_session_config){.root = h.root})) {
        talk(p);
        pb_remote *peers = pb_session_remote_for_name(p->client, "collector");
        pb_session_set_name_for_local(p->server, "collector", h.collector);
        for (int i = 0; peers && i < 3; i++) {
            const pb_call_options no_answer = {.no_answer = true};
            pb_value *args = pb_build(NULL, i < 2 ? "(s)" : "()", "page");
            pb_remote_call_values(peers, i < 2 ? "gotPage" : "endedPaging", args, NULL,
                                  &no_answer, NULL, NULL, NULL, NULL);
            pb_value_unref(args);
            talk(p);
        }
        pb_remote_unref(peers);
        bool all = strstr(p->log, "got 'page'\ngot 'page'\nend 0 \n");
        failed = all ? 0 : PB_ERR_NOMEM;
    }
    pb_session_free(p->client);
    pb_session_free(p->server);
    pb_object_unref(h.collector);
    pb_object_unref(h.root);
    free(p);
    return failed;
}

PB_TEST(collector, without_memory)
{
    pb__test_each_failure(collect, NULL);
}
