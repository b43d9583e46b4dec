/* SPDX-License-Identifier: MIT
 *
 * Pages in a scenario: where a side was seen to send them, or to ask for all of them, the
 * session's own pagers and collectors do it. */
#include "libpb/base/error.h"
#include "tools/common/broker_expression.h"
#include "tools/replay/engine/player.h"

static bool is_text(const pb_value *v, const char *text)
{
    pb_span s;
    return v && pb_as_text(v, &s) == 0 && s.len == strlen(text) &&
           memcmp(s.data, text, s.len) == 0;
}

/* Whether m is such a call, to an object by number, of no method of the application's. */
static bool is_page_call(const struct spoken *m, int from, const char *method,
                         int64_t *luid)
{
    return m->from == from && spoken_is(m, "message") && !m->served &&
           is_text(spoken_member(m, 3), method) &&
           pb_as_int(spoken_member(m, 2), luid) == 0;
}

/* The i-th page that came to, or went to, an object; NULL: there are no more. */
static pb_value *find_page(const struct play *p, int from, int64_t luid, size_t i)
{
    for (size_t k = 0; k < spoken_count(p->s); k++) {
        const struct spoken *m = spoken_at(p->s, k);
        int64_t id;
        if (is_page_call(m, from, "gotPage", &id) && id == luid && i-- == 0) {
            return spoken_argument(m, 0);
        }
    }
    return NULL;
}

/* ---- Asking for pages ---- */

struct asked {
    struct play *p;
    const json_t *does;
};

static void on_pages(pb_value *result, pb_failure *failure, void *user_data)
{
    struct asked *a = user_data;
    app_ended(a->p, a->does, result, failure);
    pb__free(a);
}

/* The n-th getAllPages of the expectations. */
static const json_t *find_step(const struct play *p, size_t n)
{
    size_t i;
    json_t *call;
    json_array_foreach(json_object_get(p->s->expect, "calls"), i, call)
    {
        const char *does = json_string_value(json_object_get(call, "does"));
        if (does && strncmp(does, "getAllPages(", 12) == 0 && n-- == 0) {
            return call;
        }
    }
    return NULL;
}

/* Whether a call is a getAllPages: it is not among the expectations' calls, and its first
 * argument, an own object, is a collector. */
static bool asks_for_all(const struct play *p, const struct spoken *m)
{
    pb_value *args = spoken_member(m, 5), *id;
    int64_t luid;
    return !call_of(p->s, m) && args && pb_value_kind(args) == PB_TUPLE &&
           pb_len(args) > 0 && form_is(pb_item(args, 0), "remote", &id) &&
           pb_as_int(id, &luid) == 0 && find_page(p, !p->who, luid, 0);
}

static int ask_for_all(struct play *p, pb_value *members, pb_error *err)
{
    pb_value *all = pb_item(members, 5);
    pb_value *args = pb_seq(PB_TUPLE, pb_len(all));
    struct asked *a = pb__malloc(sizeof *a);
    pb_span method;
    pb_remote *root = pb_session_root(p->session);
    int e = args && a && root ? pb_as_text(pb_item(members, 3), &method) : PB_ERR_NOMEM;
    for (size_t i = 1; e == 0 && i < pb_len(all); i++) {
        e = pb_append(args, pb_item(all, i));
    }
    if (e == 0) {
        *a = (struct asked){p, find_step(p, p->paged++)};
        e = pb_get_all_pages(root, (const char *)method.data, args, pb_item(members, 6),
                             NULL, on_pages, a, err);
        p->asked += e == 0;
    }
    if (e) {
        pb__error_set(err, e, 0, "%s", pb_strerror(e));
        pb__free(a);
    }
    pb_value_unref(args);
    pb_remote_unref(root);
    return e;
}

/* ---- Sending pages ---- */

/* All pages to a collector in one, *new*; NULL where they are not all bytes of the first
 * one's length but for the last. */
static pb_value *join_pages(const struct play *p, int64_t luid, size_t *chunk)
{
    struct pb__buf all = {0};
    pb_value *page;
    bool fits = true;
    for (size_t i = 0; fits && (page = find_page(p, p->who, luid, i)); i++) {
        pb_span s = {0};
        fits = pb_as_bytes(page, &s) == 0 && (i == 0 || all.len == i * *chunk) &&
               (i == 0 || s.len <= *chunk) && pb__buf_append(&all, s.data, s.len) == 0;
        *chunk = i == 0 ? s.len : *chunk;
    }
    pb_value *v = fits ? pb_bytes((pb_span){all.data, all.len}) : NULL;
    pb__buf_fini(&all);
    return v;
}

static int send_pages(struct play *p, int64_t luid, pb_value *bytes, size_t chunk)
{
    pb_remote *to = hold_remote(p, luid);
    return to ? pb_page_bytes(to, bytes, chunk, NULL, NULL, NULL) : PB_ERR_NOMEM;
}

bool pages_call(struct play *p, const struct spoken *m, pb_value *members, int *failed,
                pb_error *err)
{
    int64_t luid;
    size_t chunk = 0;
    if (asks_for_all(p, m)) {
        *failed = ask_for_all(p, members, err);
        return true;
    }
    bool page = is_page_call(m, p->who, "gotPage", &luid) && !call_of(p->s, m);
    bool end = is_page_call(m, p->who, "endedPaging", &luid) && !call_of(p->s, m);
    pb_value *bytes = page || end ? join_pages(p, luid, &chunk) : NULL;
    if (!bytes) {
        return false;
    }
    bool first = page && spoken_argument(m, 0) == find_page(p, p->who, luid, 0);
    if (first) {
        *failed = send_pages(p, luid, bytes, chunk);
    }
    pb_value_unref(bytes);
    return true;
}

/* ---- Collecting pages ---- */

static int got_page(pb_value *page, pb_error *err, void *user_data)
{
    (void)err;
    struct thing *t = user_data;
    struct play *p = t->play;
    const pb_value *want = find_page(p, !p->who, t->luid, t->pages++);
    if (!want || !pb_value_equal(want, page)) {
        play_fail(p, p->r->line, "page %zu is another", t->pages);
    } else {
        replay_pass(p->r);
    }
    return 0;
}

pb_object *pages_collector(struct thing *t)
{
    static const pb_collector_ops ops = {.page = got_page};
    return find_page(t->play, !t->play->who, t->luid, 0) ? pb_collector_new(&ops, t)
                                                         : NULL;
}
