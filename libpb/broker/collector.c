/* SPDX-License-Identifier: MIT
 *
 * Receiving pages: a collector, which the peer's pager calls, and the call that requests
 * pages and collects them. Mirrors util.CallbackPageCollector and util.getAllPages. */
#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/broker/calls.h"
#include "libpb/broker/exception.h"
#include "libpb/broker/failures.h"
#include "libpb/broker/session.h"
#include "pb/paging.h"

struct collector {
    const pb_collector_ops *ops;
    void *user_data;
    pb_session *session;    /* of the first page; tells when the connection ends */
    uint64_t bytes, values; /* of the messages that brought the pages */
    size_t bytes_most, values_most; /* 0: no limit */
    bool ended;
};

static void collector_on_disconnect(pb_session *s, void *user_data);

static void collector_end(struct collector *c, const pb_error *why)
{
    if (c->session) {
        pb_session_dont_notify_on_disconnect(c->session, collector_on_disconnect, c);
        c->session = NULL;
    }
    if (!c->ended) {
        c->ended = true;
        if (c->ops->end) {
            c->ops->end(why, c->user_data);
        }
    }
}

static void collector_on_disconnect(pb_session *s, void *user_data)
{
    struct collector *c = user_data;
    pb_error why = *pb_session_error(s);
    pb__error_set(&why, PB_ERR_LOST, 0, "the connection was closed");
    c->session = NULL;
    collector_end(c, &why);
}

/* With the first page, subscribes to the end of the connection; with each page, checks
 * the limits. */
static int collector_admit(struct collector *c, pb_session *s, pb_error *why)
{
    if (!s) {
        return 0; /* a local call */
    }
    if (!c->session) {
        int failed = pb_session_notify_on_disconnect(s, collector_on_disconnect, c);
        if (failed) {
            return failed;
        }
        c->session = s;
    }
    c->bytes += s->shared->length; /* of the message that is being handled */
    c->values += s->shared->values;
    if (c->bytes_most && c->bytes > c->bytes_most) {
        return pb__error_set(why, PB_ERR_LIMIT, 0, "the pages have more than %zu bytes",
                             c->bytes_most);
    }
    if (c->values_most && c->values > c->values_most) {
        return pb__error_set(why, PB_ERR_LIMIT, 0, "the pages have more than %zu values",
                             c->values_most);
    }
    return 0;
}

/* If a page is lost, the paging ends with an error, as the pages would be incomplete. */
static int do_got_page(void *self, pb_request *r)
{
    static const char *const names[] = {"page", NULL};
    struct collector *c = self;
    pb_error why = {0}, given = {0};
    pb_value *page;
    if (c->ended) {
        return 0;
    }
    int failed = pb_request_unpack_keywords(r, "O", names, &page);
    failed = failed ? failed : collector_admit(c, pb_request_session(r), &why);
    int refused = failed ? 0 : c->ops->page(page, &given, c->user_data);
    if (refused) {
        failed = pb__error_of_callback(&why, "the function for a page", refused, &given);
    }
    if (failed) {
        if (why.code) {
            pb_request_fail(r, pb__exception_of(failed), "%s", why.text);
        }
        if (refused && !given.code) {
            pb_error_clear(&why);
        }
        pb__error_set(&why, failed, 0, "a page was refused: %s", pb_strerror(failed));
        collector_end(c, &why);
    }
    return failed;
}

static int do_ended_paging(void *self, pb_request *r)
{
    pb_error why = {0};
    int failed = pb_request_unpack(r, "");
    if (!failed) {
        collector_end(self, &why);
    }
    return failed;
}

static void collector_destroy(void *self)
{
    pb_error why = {0};
    pb__error_set(&why, PB_ERR_LOST, 0,
                  "the collector was released before the paging ended");
    collector_end(self, &why);
    pb__free(self);
}

static const pb_method methods[] = {
    {"gotPage", do_got_page}, {"endedPaging", do_ended_paging}, {0}};
static const pb_class collector_class = {
    .name = "CallbackPageCollector", .remote = methods, .destroy = collector_destroy};

pb_object *pb_collector_new(const pb_collector_ops *ops, void *user_data)
{
    struct collector *c = ops && ops->page ? pb__malloc(sizeof *c) : NULL;
    pb_object *o = c ? pb_object_new(&collector_class, c) : NULL;
    if (!o) {
        pb__free(c);
        return NULL;
    }
    *c = (struct collector){.ops = ops, .user_data = user_data};
    return o;
}

/* ---- All pages ---- */

struct gathering {
    pb_value *pages;
    bool answered, ended; /* the call, the collector: freed when both are set */
    pb_answer_cb cb;      /* NULL: it has run */
    void *user_data;
};

static void gathering_give(struct gathering *g, pb_value *pages, pb_failure *failure)
{
    pb_answer_cb cb = g->cb;
    g->cb = NULL;
    if (cb) {
        cb(pages, failure, g->user_data);
    }
}

static void give_error(struct gathering *g, int code, const char *text)
{
    pb_failure *f = pb__failure_new(code, text);
    gathering_give(g, NULL, f);
    pb_failure_unref(f);
}

static void gathering_release(struct gathering *g)
{
    if (g->answered && g->ended) {
        pb_value_unref(g->pages);
        pb__free(g);
    }
}

static int gathering_page(pb_value *page, pb_error *err, void *user_data)
{
    struct gathering *g = user_data;
    (void)err;
    return g->cb ? pb_append(g->pages, page) : 0;
}

static void gathering_end(const pb_error *why, void *user_data)
{
    struct gathering *g = user_data;
    if (why->code) {
        give_error(g, why->code, why->text);
    } else {
        gathering_give(g, g->pages, NULL);
    }
    g->ended = true;
    gathering_release(g);
}

static void gathering_answered(pb_value *result, pb_failure *failure, void *user_data)
{
    struct gathering *g = user_data;
    (void)result;
    if (failure) {
        gathering_give(g, NULL, failure);
    }
    g->answered = true;
    gathering_release(g);
}

static const pb_collector_ops gather_ops = {.page = gathering_page, .end = gathering_end};

/* The arguments, with the collector before them: *new*; NULL for lack of memory. Takes
 * the collector. */
static pb_value *gathering_arguments(pb_object *collector, pb_value *args)
{
    pb_value *all = pb_seq(PB_TUPLE, 1 + (args ? pb_len(args) : 0));
    if (!all) {
        pb_object_unref(collector);
        return NULL;
    }
    int failed = pb_append_steal(all, pb_object_value_steal(collector));
    for (size_t i = 0; !failed && args && i < pb_len(args); i++) {
        failed = pb_append(all, pb_item(args, i));
    }
    if (failed) {
        pb_value_unref(all);
        return NULL;
    }
    return all;
}

int pb_get_all_pages(pb_remote *to, const char *method, pb_value *args, pb_value *kwargs,
                     const pb_call_options *options, pb_answer_cb cb, void *user_data,
                     pb_error *err)
{
    pb_call_options wanted = {.timeout = options ? options->timeout : 0};
    int failed = pb__call_check(to, method, args, kwargs, &wanted, cb, err);
    if (failed) {
        return failed;
    }
    struct gathering *g = pb__malloc(sizeof *g);
    pb_value *pages = g ? pb_list() : NULL;
    if (!pages) {
        pb__free(g);
        return pb__error_nomem(err);
    }
    *g = (struct gathering){.pages = pages, .user_data = user_data};
    pb_object *collector = pb_collector_new(&gather_ops, g);
    if (collector && pb_remote_session(to)) {
        struct collector *c = pb_object_self(collector);
        const struct pb__limits *l = pb__encoder_limits(&pb_remote_session(to)->encoder);
        c->bytes_most = l->message;
        c->values_most = l->values;
    }
    pb_value *all = collector ? gathering_arguments(collector, args) : NULL;
    if (!all) {
        g->ended = g->answered =
            true; /* the collector is freed already, if there was one */
        gathering_release(g);
        return pb__error_nomem(err);
    }
    g->cb = cb;
    failed = pb_remote_call_values(to, method, all, kwargs, &wanted, gathering_answered,
                                   g, NULL, err);
    if (failed) { /* else it may have ended, and g may be freed */
        g->cb = NULL;
        g->answered = true;
    }
    pb_value_unref(all);
    return failed;
}
